export const NOTIFICATION_FORMATS = ['fabric', 'alertmanager'] as const;
export type NotificationFormat = (typeof NOTIFICATION_FORMATS)[number];

/** Who is told what happens to the releases of a namespace. */
export interface NotificationContent {
  url: string;
  /** Null: signed with the namespace's, if it has one. */
  secret: string | null;
  /** Types of events; null: all of them. */
  events: readonly string[] | null;
  format: NotificationFormat;
}

export interface Notification extends NotificationContent {
  namespace: string;
  name: string;
  revision: number;
  createdAt: Date;
  updatedAt: Date;
  updatedBy: string;
}
