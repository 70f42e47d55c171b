import { toPercentages } from '@app-fabric/routing';
import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Allow, IsInt, IsOptional, IsString, Max, MaxLength, Min } from 'class-validator';
import type { PropagationState } from '../../publishing/propagation-state.js';
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

class RejectedChangeDto {
  @ApiProperty({ example: 'proxy-1' }) proxyId!: string;
  @ApiProperty({ description: 'Route revision of the document that it refused.', example: 42 }) revision!: number;
  @ApiProperty({ example: 'routes.services[0].name must be a name' }) reason!: string;
  @ApiProperty({ example: '2026-01-01T12:00:00.000Z' }) at!: string;
}

export class PropagationDto {
  @ApiProperty({ example: 42 }) routeRevision!: number;
  @ApiProperty({ description: 'Live proxies.', example: 2 }) proxies!: number;
  @ApiProperty({ description: 'Those that route the app by this revision or a later one.', example: 2 }) acknowledged!: number;
  @ApiProperty({ example: true }) complete!: boolean;
  @ApiProperty({ type: [String], description: 'Live proxies that have not heard of it yet.', example: [] }) pending!: string[];
  @ApiProperty({
    type: [RejectedChangeDto],
    description: 'Live proxies that have refused it and route the app as before. Waiting does not help; the next acceptable change does.',
    example: [],
  })
  rejected!: RejectedChangeDto[];
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

export function toPropagationDto(state: PropagationState): PropagationDto {
  const { routeRevision, proxies, acknowledged, complete, pending, rejected } = state;
  return { routeRevision, proxies, acknowledged, complete, pending, rejected };
}

function scopeOf({ service }: DistributionScope): { scope: 'app' | 'service'; service?: string } {
  return service === '' ? { scope: 'app' } : { scope: 'service', service };
}
