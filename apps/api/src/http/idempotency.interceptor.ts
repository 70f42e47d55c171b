import { randomUUID } from 'node:crypto';
import {
  type CallHandler,
  type ExecutionContext,
  Inject,
  Injectable,
  type NestInterceptor,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import type { Request, Response } from 'express';
import type { Logger } from 'pino';
import { from, lastValueFrom, type Observable } from 'rxjs';
import { Transactions } from '../database/transaction.js';
import { LOGGER } from '../tokens.js';
import { DomainError } from './domain-error.js';
import { hashRequest, parseIdempotencyKey } from './idempotency.js';
import { IdempotencyRepository, type IdempotentRequest, type StoredAnswer } from './idempotency.repository.js';
import { principalOf } from './request-context.js';

const LEASE_SECONDS = 60;
const RENEW_MS = 20_000;
const PRUNE_MS = 3_600_000;
const MAX_STORED_BYTES = 1_048_576;
const KEPT_HEADERS = ['etag', 'location', 'preference-applied'];

/**
 * `Idempotency-Key` on every POST. The key is taken before the work and holds the answer after it. Only answers of success are kept: a request
 * that failed has changed nothing and may be repeated with the same key. While the first request runs, a second one gets 409.
 * The holder renews its lease; if its process dies, the same request may take the key over a minute later. It then runs again, so this
 * guards against repetition by the caller, not against a crash between commit and answer.
 */
@Injectable()
export class IdempotencyInterceptor implements NestInterceptor, OnApplicationBootstrap, OnApplicationShutdown {
  private pruneTimer: NodeJS.Timeout | null = null;

  constructor(
    private readonly transactions: Transactions,
    private readonly keys: IdempotencyRepository,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  onApplicationBootstrap(): void {
    this.pruneTimer = setInterval(() => void this.quietly(this.transactions.run((tx) => this.keys.prune(tx))), PRUNE_MS).unref();
  }

  onApplicationShutdown(): void {
    if (this.pruneTimer) clearInterval(this.pruneTimer);
  }

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const http = context.switchToHttp();
    const request = http.getRequest<Request>();
    const key = request.method === 'POST' ? parseIdempotencyKey(request.get('idempotency-key')) : null;
    if (key === null) return next.handle();
    const requestHash = hashRequest(request.method, request.originalUrl, request.body);
    const work = () => lastValueFrom(next.handle(), { defaultValue: undefined });
    return from(this.once({ principal: principalOf(request).name, key, requestHash }, http.getResponse<Response>(), work));
  }

  private async once(request: IdempotentRequest, response: Response, work: () => Promise<unknown>): Promise<unknown> {
    const leaseId = randomUUID();
    const first = await this.claimOrFind(request, leaseId);
    if (first) return replay(first, response);
    const renewal = setInterval(
      () => void this.quietly(this.transactions.run((tx) => this.keys.renew(tx, leaseId, LEASE_SECONDS))),
      RENEW_MS,
    );
    try {
      const result = await work();
      await this.keep(leaseId, answerOf(result, response));
      return result;
    } catch (error) {
      await this.quietly(this.transactions.run((tx) => this.keys.release(tx, leaseId)));
      throw error;
    } finally {
      clearInterval(renewal);
    }
  }

  /** Null: the key is ours. Otherwise the first answer; 422 when the key stands for another request, 409 when that still runs. */
  private async claimOrFind(request: IdempotentRequest, leaseId: string): Promise<StoredAnswer | null> {
    const state = await this.transactions.run(async (tx) =>
      (await this.keys.claim(tx, request, leaseId, LEASE_SECONDS)) ? 'claimed' : this.keys.find(tx, request),
    );
    if (state === 'claimed') return null;
    if (state && state.requestHash !== request.requestHash) {
      throw new DomainError('unprocessable', 'idempotency_key_reused', 'This Idempotency-Key was used for another request.');
    }
    if (state?.answer) return state.answer;
    throw new DomainError('conflict', 'idempotency_in_progress', 'The first request with this Idempotency-Key still runs. Try again.');
  }

  /** The work is done: whatever goes wrong here must not turn its success into an error. */
  private async keep(leaseId: string, answer: StoredAnswer): Promise<void> {
    const tooLarge = Buffer.byteLength(answer.body ?? '') > MAX_STORED_BYTES;
    await this.quietly(this.transactions.run((tx) => (tooLarge ? this.keys.release(tx, leaseId) : this.keys.store(tx, leaseId, answer))));
  }

  private async quietly(work: Promise<void>): Promise<void> {
    await work.catch((error: unknown) => this.logger.warn({ err: error }, 'an idempotency key could not be updated'));
  }
}

function answerOf(result: unknown, response: Response): StoredAnswer {
  const headers: Record<string, string> = {};
  for (const name of KEPT_HEADERS) {
    const value = response.getHeader(name);
    if (value !== undefined) headers[name] = String(value);
  }
  return { status: response.statusCode, headers, body: result === undefined ? null : JSON.stringify(result) };
}

function replay({ status, headers, body }: StoredAnswer, response: Response): unknown {
  response.status(status);
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  response.setHeader('Idempotency-Replayed', 'true');
  return body === null ? undefined : JSON.parse(body);
}
