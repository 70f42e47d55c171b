import { Inject, Injectable } from '@nestjs/common';
import type { ApiConfig } from '../config/api-config.js';
import { type Transaction, Transactions } from '../database/transaction.js';
import { DomainError } from '../http/domain-error.js';
import { checkIfMatch, etagOf, type IfMatch } from '../http/etag.js';
import { CONFIG } from '../tokens.js';
import type { Notification, NotificationContent } from './notification.js';
import { NotificationsRepository } from './notifications.repository.js';
import { WebhookHosts } from './webhook-hosts.js';
import { type WebhookSecret, WebhookSecretsRepository } from './webhook-secrets.repository.js';

/** Of one namespace: each is asked for every event of a release. */
export const MAX_NOTIFICATIONS = 50;

/** Who is told what happens to the releases of a namespace, and with what it is signed. */
@Injectable()
export class NotificationsService {
  private readonly hosts: WebhookHosts;

  constructor(
    private readonly transactions: Transactions,
    private readonly repository: NotificationsRepository,
    private readonly secrets: WebhookSecretsRepository,
    @Inject(CONFIG) { webhookHosts }: ApiConfig,
  ) {
    this.hosts = new WebhookHosts(webhookHosts);
  }

  list(namespace: string, limit: number, after: string | null): Promise<Notification[]> {
    return this.transactions.read(async (tx) => {
      const found = await this.repository.list(tx, namespace, limit, after);
      if (found.length === 0) await this.requireNamespace(tx, namespace);
      return found;
    });
  }

  get(namespace: string, name: string): Promise<Notification> {
    return this.transactions.read((tx) => this.require(tx, namespace, name));
  }

  /** 422 webhook_host_refused, 409 too_many_notifications. */
  async put(
    namespace: string,
    name: string,
    content: NotificationContent,
    ifMatch: IfMatch,
    by: string,
  ): Promise<{ notification: Notification; created: boolean }> {
    const refusal = this.hosts.refusal(new URL(content.url));
    if (refusal !== null) throw new DomainError('unprocessable', 'webhook_host_refused', `Webhooks do not go there: ${refusal}.`);
    return this.transactions.run(async (tx) => {
      if (!(await this.repository.lockNamespace(tx, namespace))) throw noNamespace(namespace);
      const current = await this.repository.find(tx, namespace, name);
      checkIfMatch(ifMatch, current && notificationEtag(current));
      if (current === null && (await this.repository.count(tx, namespace)) >= MAX_NOTIFICATIONS)
        throw new DomainError('conflict', 'too_many_notifications', `A namespace has at most ${MAX_NOTIFICATIONS} notifications.`);
      return { notification: await this.repository.put(tx, namespace, name, content, by), created: current === null };
    });
  }

  /** What is still to be sent to it is cancelled. */
  async delete(namespace: string, name: string, ifMatch: IfMatch): Promise<void> {
    await this.transactions.run(async (tx) => {
      await this.repository.lockNamespace(tx, namespace);
      checkIfMatch(ifMatch, notificationEtag(await this.require(tx, namespace, name)));
      await this.repository.delete(tx, namespace, name);
    });
  }

  getSecret(namespace: string): Promise<WebhookSecret> {
    return this.transactions.read((tx) => this.requireSecret(tx, namespace));
  }

  async putSecret(namespace: string, secret: string, ifMatch: IfMatch, by: string): Promise<{ secret: WebhookSecret; created: boolean }> {
    return this.transactions.run(async (tx) => {
      if (!(await this.repository.lockNamespace(tx, namespace))) throw noNamespace(namespace);
      const current = await this.secrets.find(tx, namespace);
      checkIfMatch(ifMatch, current && secretEtag(current));
      return { secret: await this.secrets.put(tx, namespace, secret, by), created: current === null };
    });
  }

  async deleteSecret(namespace: string, ifMatch: IfMatch): Promise<void> {
    await this.transactions.run(async (tx) => {
      await this.repository.lockNamespace(tx, namespace);
      checkIfMatch(ifMatch, secretEtag(await this.requireSecret(tx, namespace)));
      await this.secrets.delete(tx, namespace);
    });
  }

  private async require(tx: Transaction, namespace: string, name: string): Promise<Notification> {
    const found = await this.repository.find(tx, namespace, name);
    if (found) return found;
    await this.requireNamespace(tx, namespace);
    throw new DomainError('not_found', 'notification_not_found', `There is no notification ${name} in namespace ${namespace}.`);
  }

  private async requireSecret(tx: Transaction, namespace: string): Promise<WebhookSecret> {
    const found = await this.secrets.find(tx, namespace);
    if (found) return found;
    await this.requireNamespace(tx, namespace);
    throw new DomainError('not_found', 'webhook_secret_not_found', `Namespace ${namespace} has no secret for webhooks.`);
  }

  private async requireNamespace(tx: Transaction, namespace: string): Promise<void> {
    if (!(await this.repository.namespaceExists(tx, namespace))) throw noNamespace(namespace);
  }
}

export function notificationEtag({ revision, createdAt }: Notification): string {
  return etagOf(revision, createdAt);
}

export function secretEtag({ revision, createdAt }: WebhookSecret): string {
  return etagOf(revision, createdAt);
}

function noNamespace(namespace: string): DomainError {
  return new DomainError('not_found', 'namespace_not_found', `There is no namespace ${namespace}.`);
}
