import { Inject, Injectable } from '@nestjs/common';
import type { ApiConfig } from '../config/api-config.js';
import { type Transaction, Transactions } from '../database/transaction.js';
import { CONFIG } from '../tokens.js';
import type { Attempt, Delivery, Outcome } from './delivery.js';
import { NotificationsRepository } from './notifications.repository.js';
import { postWebhook, type WebhookAnswer } from './post-webhook.js';
import { HOOK_RETRIES, mayRetry, NOTIFICATION_RETRIES, parseRetryAfter, retryDelayMs } from './retry-delay.js';
import { sign } from './signature.js';
import { WebhookHosts } from './webhook-hosts.js';
import { WebhookSecretsRepository } from './webhook-secrets.repository.js';

/** What came of one look at a delivery. */
export interface Attempted {
  outcome: Outcome;
  /** Null: nothing to be written down. */
  attempt: Attempt | null;
}

interface Receiver {
  url: string;
  secret: string | null;
}

/** Makes one attempt at a webhook. */
@Injectable()
export class WebhookDelivery {
  private readonly hosts: WebhookHosts;

  constructor(
    private readonly transactions: Transactions,
    private readonly notifications: NotificationsRepository,
    private readonly secrets: WebhookSecretsRepository,
    @Inject(CONFIG) { webhookHosts }: ApiConfig,
  ) {
    this.hosts = new WebhookHosts(webhookHosts);
  }

  /** @param stopped this program ends: who takes over may begin at once */
  async attempt(delivery: Delivery, nowMs: number, stopped: AbortSignal): Promise<Attempted> {
    const receiver = await this.transactions.read((tx) => this.receiverOf(tx, delivery));
    if (receiver === null) return { outcome: { then: 'cancelled' }, attempt: null };
    const policy = delivery.point === 'before' ? HOOK_RETRIES : NOTIFICATION_RETRIES;
    const { attempts, deliveryId, event, body } = delivery;
    const told = (answer: Omit<WebhookAnswer, 'retryAfter'>, durationMs: number): Attempt => ({
      attempt: attempts,
      at: new Date(nowMs).toISOString(),
      durationMs,
      ...{ status: answer.status, error: answer.error, response: answer.response },
    });
    const refusal = this.hosts.refusal(new URL(receiver.url));
    const cause = refusal ?? (attempts > policy.attempts ? 'no attempt has come to its end' : null);
    if (cause !== null) return { outcome: { then: 'failed' }, attempt: told({ status: null, error: cause, response: null }, 0) };

    const headers = {
      'X-Fabric-Delivery': deliveryId,
      'X-Fabric-Event': event,
      'X-Fabric-Attempt': String(attempts),
      ...(receiver.secret === null ? {} : { 'X-Fabric-Signature': sign(receiver.secret, nowMs, body) }),
    };
    const beganMs = performance.now();
    const answer = await postWebhook({ url: receiver.url, body, headers, timeoutMs: delivery.target.timeoutMs }, this.hosts, stopped);
    if (answer.status === null && stopped.aborted) return { outcome: { then: 'later', afterMs: 0 }, attempt: null };
    const attempt = told(answer, Math.round(performance.now() - beganMs));
    const { status } = answer;
    if (status !== null && status >= 200 && status < 300) return { outcome: { then: 'succeeded' }, attempt };
    if (attempts >= policy.attempts || (status !== null && !mayRetry(status))) return { outcome: { then: 'failed' }, attempt };
    const afterMs = retryDelayMs(attempts, policy, Math.random(), parseRetryAfter(answer.retryAfter, nowMs));
    return { outcome: { then: 'later', afterMs }, attempt };
  }

  /** As it is now. Null: the notification was deleted. */
  private async receiverOf(tx: Transaction, { namespace, notification, target }: Delivery): Promise<Receiver | null> {
    const own = target.type === 'notification' ? await this.notifications.find(tx, namespace, notification) : null;
    const url = target.type === 'webhook' ? target.url : own?.url;
    if (url === undefined) return null;
    return { url, secret: own?.secret ?? (await this.secrets.find(tx, namespace))?.secret ?? null };
  }
}
