import { randomUUID } from 'node:crypto';
import type { HookPoint, ReleaseEventType } from '@app-fabric/release';
import { Injectable } from '@nestjs/common';
import { type Transaction, Transactions } from '../database/transaction.js';
import type { Release, StoredEvent } from '../releases/release.js';
import { type HooksStanding, ReleaseHooks } from '../releases/release-hooks.js';
import { alertsOf } from './alerts.js';
import { DeliveriesRepository } from './deliveries.repository.js';
import type { Delivery, DeliveryPoint, NewDelivery } from './delivery.js';
import { DeliveryClock } from './delivery-clock.js';
import { DeliveryWorker } from './delivery-worker.js';
import type { Notification } from './notification.js';
import { NotificationsRepository } from './notifications.repository.js';
import { MAX_NOTIFICATIONS } from './notifications.service.js';
import { hookBody, notificationBody } from './payload.js';
import { shownUrl } from './webhook-hosts.js';

const NOTIFICATION_TIMEOUT_MS = 10_000;

/** Which hooks an event calls: when what it tells of is true for all proxies. */
const AFTER: Partial<Record<ReleaseEventType, Exclude<HookPoint, 'before'>>> = {
  completed: 'afterPromotion',
  zero_confirmed: 'afterZeroing',
  rolled_back: 'afterRollback',
};

/** Writes down whom a release has to tell, in the transaction in which it happens. */
@Injectable()
export class HookScheduler extends ReleaseHooks {
  constructor(
    private readonly transactions: Transactions,
    private readonly deliveries: DeliveriesRepository,
    private readonly notifications: NotificationsRepository,
    private readonly time: DeliveryClock,
    private readonly worker: DeliveryWorker,
  ) {
    super();
  }

  override async beforeStage(tx: Transaction, release: Release): Promise<HooksStanding> {
    const { entry, stageIndex } = release.state;
    if (!entersStage(release) || !hasHooks(release, stageIndex, 'before')) return { beforeHooks: 'none' };
    const hooks = await this.deliveries.ofOccasion(tx, release.id, 'before', entry);
    if (hooks.length === 0) {
      await this.add(tx, hooksOf(release, stageIndex, 'before', entry, await this.time.nowMs(tx)));
      return { beforeHooks: 'running' };
    }
    if (hooks.every(({ status }) => status === 'succeeded')) return { beforeHooks: 'passed' };
    const failed = hooks.find(({ status }) => status === 'failed' || status === 'cancelled');
    return failed ? { beforeHooks: 'failed', hookFailure: failureOf(failed) } : { beforeHooks: 'running' };
  }

  override async happened(tx: Transaction, release: Release, events: readonly StoredEvent[]): Promise<void> {
    const nowMs = await this.time.nowMs(tx);
    if (release.plan.stages.some((_, index) => hasHooks(release, index, 'before')))
      await this.deliveries.cancelBefore(tx, release.id, entersStage(release) ? release.state.entry : null, nowMs);
    const notified = await this.notifications.list(tx, release.namespace, MAX_NOTIFICATIONS, null);
    const deliveries = events.flatMap((event) => {
      const point = AFTER[event.type];
      const hooks = point === undefined ? [] : hooksOf(release, event.stageIndex, point, event.sequence, nowMs);
      return [...hooks, ...notified.flatMap((notification) => notificationOf(release, event, notification))];
    });
    await this.add(tx, deliveries);
  }

  private async add(tx: Transaction, deliveries: readonly NewDelivery[]): Promise<void> {
    if (deliveries.length === 0) return;
    await this.deliveries.add(tx, deliveries, await this.time.nowMs(tx));
    this.transactions.afterCommit(tx, () => this.worker.wake());
  }
}

/** For people. */
function failureOf({ target, status, log }: Delivery): string {
  const what = target.type === 'flow' ? `flow ${target.name}` : target.type === 'webhook' ? shownUrl(target.url) : target.type;
  const last = log.at(-1);
  const how = last?.error ?? (last?.status ? `answered ${last.status}` : status);
  return `${what} ${how}`.slice(0, 500);
}

/** A stage is being entered, if only after a pause. */
function entersStage({ state: { status, paused, phase } }: Release): boolean {
  const standing = paused?.from ?? status;
  return phase === 'preparing' && (standing === 'pending' || standing === 'running' || standing === 'extended');
}

function hasHooks({ plan }: Release, stageIndex: number, point: HookPoint): boolean {
  return (plan.stages[stageIndex]?.hooks[point]?.length ?? 0) > 0;
}

function hooksOf(release: Release, stageIndex: number, point: HookPoint, occasion: number, nowMs: number): NewDelivery[] {
  const event = `hook.${point.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}`;
  return (release.plan.stages[stageIndex]?.hooks[point] ?? []).map((target, position) => {
    const deliveryId = randomUUID();
    const body = hookBody(deliveryId, event, release, nowMs);
    return { ...placeOf(release, point, occasion), deliveryId, notification: '', position, event, target, body };
  });
}

function notificationOf(release: Release, event: StoredEvent, { name, events, format }: Notification): NewDelivery[] {
  const wanted = events === null || events.includes(event.type);
  const alerts = format === 'alertmanager' ? alertsOf(release, event, wanted) : null;
  if (alerts === null ? !wanted : alerts.length === 0) return [];
  const deliveryId = randomUUID();
  const body = alerts === null ? notificationBody(deliveryId, release, event) : JSON.stringify(alerts);
  const target = { type: 'notification', timeoutMs: NOTIFICATION_TIMEOUT_MS } as const;
  const place = placeOf(release, 'notification', event.sequence);
  return [{ ...place, deliveryId, notification: name, position: 0, event: `release.${event.type}`, target, body }];
}

function placeOf({ id, namespace, app, candidate }: Release, point: DeliveryPoint, occasion: number) {
  return { namespace, app, version: candidate, releaseId: id, point, occasion };
}
