import { toPercentages } from '@app-fabric/routing';
import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Allow, IsInt, IsOptional, IsString, Max, MaxLength, Min } from 'class-validator';
import type { PropagationState } from '../../publishing/propagation.js';
import { DISTRIBUTION_SOURCES, type DistributionRevision, type DistributionScope } from '../distribution.js';
import type { DistributionState } from '../distribution.service.js';

const WEIGHTS = { type: 'object', additionalProperties: { type: 'number' }, example: { 1: 90, 2: 10 } } as const;

class ReasonDto {
  @ApiPropertyOptional({ maxLength: 500, example: 'SHOP-17: first step' })
  @IsOptional()
  @IsString()
  @MaxLength(500)
  reason?: string;
}

export class PutDistributionDto extends ReasonDto {
  @ApiProperty({ ...WEIGHTS, description: 'Version → percent, up to two decimals; the sum is exactly 100. Replaces the whole map.' })
  @Allow() // read by libs/routing, which says what is wrong with it entry by entry
  weights!: unknown;
}

export class RollbackDto extends ReasonDto {
  @ApiPropertyOptional({ description: 'Default: the revision before the newest one.', example: 4 })
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(2_147_483_647)
  toRevision?: number;
}

export class ZeroDto extends ReasonDto {
  @ApiProperty({ example: 2 })
  @IsInt()
  @Min(1)
  @Max(2_147_483_647)
  version!: number;
}

export class PropagationDto {
  @ApiProperty({ example: 42 }) routeRevision!: number;
  @ApiProperty({ description: 'Live proxies.', example: 2 }) proxies!: number;
  @ApiProperty({ description: 'Those that route by this revision or a later one.', example: 2 }) acknowledged!: number;
  @ApiProperty({ example: true }) complete!: boolean;
  @ApiProperty({ type: [String], description: 'Proxies that have not applied it yet.', example: [] }) pending!: string[];
}

export class DistributionDto {
  @ApiProperty({ description: '0: there is no distribution.', example: 5 }) revision!: number;
  @ApiProperty({ enum: ['app', 'service'], example: 'app' }) scope!: 'app' | 'service';
  @ApiPropertyOptional({ example: 'cart' }) service?: string;
  @ApiProperty({ ...WEIGHTS, description: 'Version → percent; every running version is listed.' }) weights!: Record<string, number>;
  @ApiProperty({
    type: 'object',
    additionalProperties: WEIGHTS,
    description: 'Service → the weights that it really follows: its own, else the app’s, restricted to the versions in which it runs.',
    example: { cart: { 1: 90, 2: 10 } },
  })
  effective!: Record<string, Record<string, number>>;
  @ApiPropertyOptional({ description: 'Only where no distribution is in force: what versionless requests do then.', example: 'random' })
  fallback?: string;
  @ApiProperty({ type: String, nullable: true, example: '2026-01-01T12:00:00.000Z' }) updatedAt!: string | null;
  @ApiProperty({ type: String, nullable: true, example: 'admin' }) updatedBy!: string | null;
  @ApiProperty({ enum: DISTRIBUTION_SOURCES, nullable: true, example: 'api' }) source!: string | null;
  @ApiProperty({ type: String, nullable: true, example: 'SHOP-17: first step' }) reason!: string | null;
  @ApiProperty({ type: PropagationDto }) propagation!: PropagationDto;
}

export class DistributionRevisionDto {
  @ApiProperty({ example: 5 }) revision!: number;
  @ApiProperty({ enum: ['app', 'service'], example: 'app' }) scope!: 'app' | 'service';
  @ApiPropertyOptional({ example: 'cart' }) service?: string;
  @ApiProperty({ ...WEIGHTS, description: 'Empty: this revision removed the distribution.' }) weights!: Record<string, number>;
  @ApiProperty({ example: '2026-01-01T12:00:00.000Z' }) updatedAt!: string;
  @ApiProperty({ example: 'admin' }) updatedBy!: string;
  @ApiProperty({ enum: DISTRIBUTION_SOURCES, example: 'api' }) source!: string;
  @ApiProperty({ type: String, nullable: true, example: 'SHOP-17: first step' }) reason!: string | null;
  @ApiProperty({ example: 42 }) routeRevision!: number;
}

export class DistributionPageDto {
  @ApiProperty({ type: [DistributionRevisionDto] }) items!: DistributionRevisionDto[];
  @ApiProperty({ type: String, nullable: true, example: null }) nextCursor!: string | null;
}

export function toDistributionDto(state: DistributionState): DistributionDto {
  return {
    revision: state.revision,
    ...scopeOf(state.scope),
    weights: state.weights,
    effective: state.effective,
    ...(state.fallback === null ? {} : { fallback: state.fallback }),
    updatedAt: state.last?.updatedAt.toISOString() ?? null,
    updatedBy: state.last?.updatedBy ?? null,
    source: state.last?.source ?? null,
    reason: state.last?.reason ?? null,
    propagation: toPropagationDto(state.propagation),
  };
}

export function toRevisionDto(scope: DistributionScope, revision: DistributionRevision): DistributionRevisionDto {
  return {
    revision: revision.revision,
    ...scopeOf(scope),
    weights: revision.weights ? toPercentages(revision.weights) : {},
    updatedAt: revision.updatedAt.toISOString(),
    updatedBy: revision.updatedBy,
    source: revision.source,
    reason: revision.reason,
    routeRevision: revision.routeRevision,
  };
}

export function toPropagationDto({ routeRevision, proxies, acknowledged, complete, pending }: PropagationState): PropagationDto {
  return { routeRevision, proxies, acknowledged, complete, pending };
}

function scopeOf({ service }: DistributionScope): { scope: 'app' | 'service'; service?: string } {
  return service === '' ? { scope: 'app' } : { scope: 'service', service };
}
