/** A time in which nothing is to move in a namespace. */
export interface FreezeContent {
  from: Date;
  /** Exclusive. */
  to: Date;
  reason: string;
}

export interface Freeze extends FreezeContent {
  namespace: string;
  name: string;
  revision: number;
  createdAt: Date;
  updatedAt: Date;
  updatedBy: string;
  /** By the database's clock. */
  open: boolean;
}
