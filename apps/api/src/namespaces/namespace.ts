import type { Variables } from './variables.js';

export const ENVIRONMENTS = ['test', 'beta', 'production'] as const;
export type Environment = (typeof ENVIRONMENTS)[number];

/** What can be said of a namespace. */
export interface NamespaceContent {
  description: string | null;
  labels: Record<string, string>;
  /** What it is for; null: nobody has said. */
  environment: Environment | null;
  /** Given to the programs that run in it. */
  variables: Variables;
  /** How many instances of a service there are when a start does not say; null: as the artifact says. */
  defaultInstances: number | null;
}

/** Where apps and artifacts live. */
export interface Namespace extends NamespaceContent {
  name: string;
  /** Goes up with each change; the ETag. */
  revision: number;
  createdAt: Date;
  updatedAt: Date;
}

/** Always there; cannot be deleted. */
export const DEFAULT_NAMESPACE = 'default';
