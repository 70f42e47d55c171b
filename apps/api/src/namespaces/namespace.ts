/** Where apps and artifacts live. */
export interface Namespace {
  name: string;
  description: string | null;
  labels: Record<string, string>;
  /** Goes up with each change; the ETag. */
  revision: number;
  createdAt: Date;
  updatedAt: Date;
}

/** Always there; cannot be deleted. */
export const DEFAULT_NAMESPACE = 'default';
