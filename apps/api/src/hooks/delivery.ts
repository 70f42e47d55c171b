import type { HookPoint } from '@app-fabric/release';

/** How a delivery goes: of a chain, those behind are `waiting`; `skipped`: one before has failed; `cancelled`: nobody wants to know any more. */
export const DELIVERY_STATUSES = ['waiting', 'pending', 'succeeded', 'failed', 'skipped', 'cancelled'] as const;
export type DeliveryStatus = (typeof DELIVERY_STATUSES)[number];

export type DeliveryPoint = HookPoint | 'notification';

/** A notification's own URL is looked up when it is sent: it may have changed, or be gone. */
export type DeliveryTarget =
  | { type: 'webhook'; url: string; timeoutMs: number }
  | { type: 'flow'; name: string; timeoutMs: number }
  | { type: 'notification'; timeoutMs: number };

export interface NewDelivery {
  /** Of the receiver's: the same in every attempt. */
  deliveryId: string;
  namespace: string;
  app: string;
  /** The candidate. */
  version: number;
  releaseId: string;
  point: DeliveryPoint;
  /** Its name; empty: it is a hook. */
  notification: string;
  /** Together with release, point and notification it happens once: the entry of the stage, or the number of the event. */
  occasion: number;
  /** In the list of an occasion's hooks, from 0. */
  position: number;
  /** What it tells of. */
  event: string;
  target: DeliveryTarget;
  /** JSON, as it is sent. */
  body: string;
}

export interface Delivery extends NewDelivery {
  id: number;
  status: DeliveryStatus;
  /** Begun; of a flow, how often it was looked at. */
  attempts: number;
  nextAttemptAt: Date | null;
  /** Of a flow that was started. */
  runId: string | null;
  deadline: Date | null;
  log: readonly Attempt[];
  createdAt: Date;
  endedAt: Date | null;
}

/** Plain JSON. */
export interface Attempt {
  /** From 1. */
  attempt: number;
  at: string;
  durationMs: number;
  /** Of the answer; null: there was none. */
  status: number | null;
  error: string | null;
  /** The beginning of the answer. */
  response: string | null;
}

/** What an attempt has come to. `later`: again after so long. */
export type Outcome = { then: 'succeeded' | 'failed' | 'cancelled' } | { then: 'later'; afterMs: number };
