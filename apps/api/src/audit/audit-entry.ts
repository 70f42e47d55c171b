/** What is written down of what somebody did. */
export const AUDIT_ACTIONS = [
  'namespace_made',
  'namespace_changed',
  'namespace_deleted',
  'freeze_put',
  'freeze_deleted',
  'freeze_overridden',
  'validation_recorded',
  'pipeline_changed',
  'version_promoted',
] as const;
export type AuditAction = (typeof AUDIT_ACTIONS)[number];

export interface NewAuditEntry {
  namespace: string;
  /** The principal of the call. */
  by: string;
  action: AuditAction;
  /** What it was done to, e.g. `shop/3`. */
  subject: string;
  /** Without secrets. */
  detail: Readonly<Record<string, unknown>>;
}

export interface AuditEntry extends NewAuditEntry {
  id: number;
  at: Date;
}
