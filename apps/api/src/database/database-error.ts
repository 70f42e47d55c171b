import { QueryFailedError } from 'typeorm';
import { DomainError } from '../http/domain-error.js';

/** SQLSTATEs after which the same transaction may well succeed: serialization failure, deadlock. */
const RETRYABLE = new Set(['40001', '40P01']);
/** The server is there but does not serve, or gave no answer in time. */
const UNAVAILABLE = new Set(['53300', '55P03', '57014', '57P01', '57P02', '57P03', '57P05']);
const FOREIGN_KEY = new Set(['23001', '23503']);
/** What pg says without an SQLSTATE when the connection fails. */
const CONNECTION_LOST =
  /connection terminated|connection ended|timeout exceeded when trying to connect|query read timeout|not queryable|client was closed|already released|called end on pool|cannot use a pool after/i;

export function isRetryable(error: unknown): boolean {
  return RETRYABLE.has(sqlState(error) ?? '');
}

/** A row that others refer to was to be deleted, or a row refers to one that is not there. */
export function isForeignKeyViolation(error: unknown): boolean {
  return FOREIGN_KEY.has(sqlState(error) ?? '');
}

function isUniqueViolation(error: unknown): boolean {
  return sqlState(error) === '23505';
}

export function isConnectionLost(error: unknown): boolean {
  const code = sqlState(error);
  if (code !== undefined && /^[0-9A-Z]{5}$/.test(code)) return code.startsWith('08') || UNAVAILABLE.has(code);
  if (code !== undefined && /^E[A-Z_]+$/.test(code)) return true; // ECONNREFUSED and the like
  return CONNECTION_LOST.test(messageOf(error));
}

/** Class 53, a full disk for one, and a disk that fails: the statement was undone, the connection lives. */
function isOutOfResources(error: unknown): boolean {
  return /^(53|58030)/.test(sqlState(error) ?? '');
}

/** The server takes no changes, as a standby does. In a transaction that is read only by itself it is a programmer's error. */
export function isReadOnly(error: unknown): boolean {
  return sqlState(error) === '25006';
}

/** The DomainError that stands for a database error, or the error itself when it is a programmer's. */
export function toDomainError(error: unknown): unknown {
  if (error instanceof DomainError) return error;
  if (isConnectionLost(error)) {
    return new DomainError(
      'unavailable',
      'dependency_unavailable',
      'The database cannot be reached or does not answer; nothing was changed.',
      {
        cause: error,
      },
    );
  }
  if (isOutOfResources(error)) {
    return new DomainError('unavailable', 'dependency_unavailable', 'The database has no space or memory left; nothing was changed.', {
      cause: error,
    });
  }
  if (isRetryable(error)) {
    return new DomainError('unavailable', 'too_much_contention', 'Others were changing the same; nothing was changed. Try again.', {
      cause: error,
    });
  }
  if (isForeignKeyViolation(error)) {
    return new DomainError('conflict', 'reference_conflict', 'Something else refers to this, or what it refers to was deleted meanwhile.', {
      cause: error,
    });
  }
  if (isUniqueViolation(error))
    return new DomainError('conflict', 'already_exists', 'There is already one with this name.', { cause: error });
  return error;
}

/** The error, without the values of its statement: errors are logged, and values may be secrets. */
export function withoutValues(error: unknown): unknown {
  if (error instanceof QueryFailedError) Object.assign(error, { parameters: undefined });
  return error;
}

/** By structure and not by class: errors of Node's core have another Error class where tests run. */
function sqlState(error: unknown): string | undefined {
  const source: unknown = error instanceof QueryFailedError ? error.driverError : error;
  const code: unknown = typeof source === 'object' && source !== null && 'code' in source ? source.code : undefined;
  return typeof code === 'string' ? code : undefined;
}

function messageOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'message' in error ? String(error.message) : '';
}
