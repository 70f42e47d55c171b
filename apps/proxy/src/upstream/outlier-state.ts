/** What outlier detection knows of one instance. */
export class OutlierState {
  /** In a row. */
  failures = 0;
  /** Until when no request goes there; 0: not ejected. While it is tried out, until when the trial counts as running. */
  ejectedUntil = 0;
  /** In a row: without a time of health as long as the last one between. */
  ejections = 0;
  lastEjectionMs = 0;
  readmittedAt = 0;
}
