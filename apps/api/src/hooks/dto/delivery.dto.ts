import { ApiProperty } from '@nestjs/swagger';
import { type Attempt, DELIVERY_STATUSES, type Delivery, type DeliveryStatus } from '../delivery.js';
import { shownUrl } from '../webhook-hosts.js';

const POINTS = ['notification', 'before', 'afterPromotion', 'afterZeroing', 'afterRollback'];

class AttemptDto {
  @ApiProperty({ example: 1 }) attempt!: number;
  @ApiProperty({ example: '2026-01-01T12:00:00.000Z' }) at!: string;
  @ApiProperty({ example: 38 }) durationMs!: number;
  @ApiProperty({ type: Number, nullable: true, description: 'Of the answer; null: there was none.', example: 503 }) status!: number | null;
  @ApiProperty({ type: String, nullable: true, example: null }) error!: string | null;
  @ApiProperty({ type: String, nullable: true, description: 'The beginning of the answer.', example: 'try again later' }) response!:
    | string
    | null;
}

export class DeliveryDto {
  @ApiProperty({ description: '`X-Fabric-Delivery`.', example: '0d8bb1a7-4ba5-4f9a-9d6f-6c4a3a8b1c11' }) id!: string;
  @ApiProperty({ example: 'shop' }) app!: string;
  @ApiProperty({ example: 'b54ee6ef-8a05-4a5c-9de0-5f8a4b1c6c43' }) release!: string;
  @ApiProperty({ enum: POINTS, example: 'notification' }) point!: string;
  @ApiProperty({ type: String, nullable: true, description: 'Its name; null: it is a hook.', example: 'on-call' }) notification!:
    | string
    | null;
  @ApiProperty({ example: 'release.zeroed' }) event!: string;
  @ApiProperty({ type: String, nullable: true, description: 'Of a hook, without its query.', example: null }) webhook!: string | null;
  @ApiProperty({ type: String, nullable: true, description: 'Of a hook: a flow of the candidate.', example: null }) flow!: string | null;
  @ApiProperty({ type: String, nullable: true, description: 'Of the flow.', example: null }) runId!: string | null;
  @ApiProperty({
    enum: DELIVERY_STATUSES,
    description: '`waiting`: for a hook before it; `skipped`: a hook before it has failed; `cancelled`: nobody waits for it any more.',
    example: 'pending',
  })
  status!: DeliveryStatus;
  @ApiProperty({
    type: String,
    nullable: true,
    description: 'When the next attempt begins at the latest.',
    example: '2026-01-01T12:00:02.000Z',
  })
  nextAttemptAt!: string | null;
  @ApiProperty({ example: '2026-01-01T12:00:00.000Z' }) createdAt!: string;
  @ApiProperty({ type: String, nullable: true, example: null }) endedAt!: string | null;
  @ApiProperty({ type: [AttemptDto] }) attempts!: readonly Attempt[];
}

export class DeliveryPageDto {
  @ApiProperty({ type: [DeliveryDto] }) items!: DeliveryDto[];
  @ApiProperty({ type: String, nullable: true, example: null }) nextCursor!: string | null;
}

export class DeliveryWithBodyDto extends DeliveryDto {
  @ApiProperty({
    type: 'object',
    additionalProperties: true,
    description: 'What is sent.',
    example: { event: 'release.zeroed', sequence: 7 },
  })
  body!: unknown;
}

export function toDeliveryDto(delivery: Delivery): DeliveryDto {
  const { target } = delivery;
  return {
    id: delivery.deliveryId,
    app: delivery.app,
    release: delivery.releaseId,
    point: delivery.point,
    notification: delivery.notification === '' ? null : delivery.notification,
    event: delivery.event,
    webhook: target.type === 'webhook' ? shownUrl(target.url) : null,
    flow: target.type === 'flow' ? target.name : null,
    runId: delivery.runId,
    status: delivery.status,
    nextAttemptAt: delivery.nextAttemptAt?.toISOString() ?? null,
    createdAt: delivery.createdAt.toISOString(),
    endedAt: delivery.endedAt?.toISOString() ?? null,
    attempts: delivery.log,
  };
}

export function toDeliveryWithBodyDto(delivery: Delivery): DeliveryWithBodyDto {
  return { ...toDeliveryDto(delivery), body: JSON.parse(delivery.body) as unknown };
}
