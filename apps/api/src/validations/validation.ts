export const VALIDATION_RESULTS = ['passed', 'failed'] as const;
export type ValidationResult = (typeof VALIDATION_RESULTS)[number];

/** What somebody found out about a version, by a check with a name: a test run, a review, a look at the data. */
export interface NewValidation {
  namespace: string;
  app: string;
  version: number;
  check: string;
  result: ValidationResult;
  /** Who has checked, as the caller says. */
  by: string;
  /** The principal of the call. */
  recordedBy: string;
  link: string | null;
  comment: string | null;
}

export interface Validation extends NewValidation {
  id: number;
  at: Date;
}
