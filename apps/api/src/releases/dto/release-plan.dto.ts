import { toPlanDocument } from '@app-fabric/release';
import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Allow, IsOptional, IsString, MaxLength } from 'class-validator';
import type { StoredPlan } from '../release-plans.repository.js';

/** A stage with all that it may say. */
const STAGE_EXAMPLE = {
  name: 'initial',
  weight: 5,
  instances: 1,
  observe: '2h',
  stability: { maxErrorRate: 0.0001, maxLatencyMs: { p99: 250 }, maxLatencyRatio: 1.5 },
  availability: { min: 0.999 },
  minRequests: 'auto',
  onAnomaly: { minor: 'extend', moderate: 'zero', severe: 'rollback' },
  approval: 'auto',
  maxExtensions: 3,
  severeFactor: 10,
  progressDeadline: '10m',
};

export const STAGES = {
  type: 'array',
  items: { type: 'object', additionalProperties: true },
  description:
    'In order; weights (percent) never fall. `observe`: a time like `90s`, `2h`, `1d`. `instances`: a number, or a percentage of the baseline’s. Rates are fractions. `progressDeadline`: what a stage asks for (instances, weights on all proxies) must be there by then, or the release pauses. `onAnomaly`: `extend`, `pause`, `zero` or `rollback`. Needed: name, weight, observe, stability.maxErrorRate, availability.min.',
  example: [STAGE_EXAMPLE],
} as const;

export class PutReleasePlanDto {
  @ApiPropertyOptional({ maxLength: 500, example: 'For services that few people use.' })
  @IsOptional()
  @IsString()
  @MaxLength(500)
  description?: string | null;

  @ApiProperty(STAGES)
  @Allow() // read by libs/release, which says what is wrong with it field by field
  stages!: unknown;
}

export class ReleasePlanDto {
  @ApiProperty({ example: 'careful' }) name!: string;
  @ApiProperty({ type: String, nullable: true, example: 'For services that few people use.' }) description!: string | null;
  @ApiProperty(STAGES) stages!: object[];
  @ApiProperty({ type: String, nullable: true, description: 'null: it is built in.', example: '2026-01-01T12:00:00.000Z' })
  updatedAt!: string | null;
}

export class ReleasePlanPageDto {
  @ApiProperty({ type: [ReleasePlanDto] }) items!: ReleasePlanDto[];
  @ApiProperty({ type: String, nullable: true, example: null }) nextCursor!: string | null;
}

export function toReleasePlanDto({ name, description, plan, updatedAt }: StoredPlan): ReleasePlanDto {
  return { name, description, ...toPlanDocument(plan), updatedAt: updatedAt.getTime() === 0 ? null : updatedAt.toISOString() };
}
