import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayMinSize,
  ArrayUnique,
  IsArray,
  IsBoolean,
  IsInt,
  IsNumber,
  IsObject,
  IsOptional,
  IsString,
  Matches,
  Max,
  MaxLength,
  Min,
  ValidateNested,
} from 'class-validator';
import { DomainError } from '../../http/domain-error.js';
import { NAME_PATTERN } from '../../http/names.js';
import { IsDuration } from '../../http/validators.js';
import type { Pipeline, PipelineContent, Stage } from '../pipeline.js';

const MAX_STAGES = 20;
const MAX_CHECKS = 50;
/** What is counted of requests is kept no longer. */
const LONGEST_SOAK = '90d';
const MAX_LATENCY_MS = 3_600_000;

class LatencyCriteriaDto {
  @ApiPropertyOptional({ example: 50 })
  @IsOptional()
  @IsNumber()
  @Min(0.001)
  @Max(MAX_LATENCY_MS)
  p50?: number;

  @ApiPropertyOptional({ example: 300 })
  @IsOptional()
  @IsNumber()
  @Min(0.001)
  @Max(MAX_LATENCY_MS)
  p99?: number;
}

class MetricCriteriaDto {
  @ApiPropertyOptional({ description: 'Fraction of the requests.', example: 0.001 })
  @IsOptional()
  @IsNumber()
  @Min(0)
  @Max(1)
  maxErrorRate?: number;

  @ApiPropertyOptional({ description: 'Fraction of the requests.', example: 0.999 })
  @IsOptional()
  @IsNumber()
  @Min(0)
  @Max(1)
  minAvailability?: number;

  @ApiPropertyOptional({ example: 1000 })
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(1e12)
  minRequests?: number;

  @ApiPropertyOptional({ type: LatencyCriteriaDto, example: { p99: 300 } })
  @IsOptional()
  @IsObject()
  @ValidateNested()
  @Type(() => LatencyCriteriaDto)
  maxLatencyMs?: LatencyCriteriaDto;
}

class CriteriaDto {
  @ApiPropertyOptional({ type: MetricCriteriaDto, description: 'Of all requests to the version since it first ran here.' })
  @IsOptional()
  @IsObject()
  @ValidateNested()
  @Type(() => MetricCriteriaDto)
  metrics?: MetricCriteriaDto;

  @ApiPropertyOptional({ type: [String], description: 'Validations that must have passed here.', example: ['functional'] })
  @IsOptional()
  @IsArray()
  @ArrayMaxSize(MAX_CHECKS)
  @ArrayUnique()
  @IsString({ each: true })
  @Matches(NAME_PATTERN, { each: true, message: 'each of checks must be a valid name' })
  checks?: string[];
}

class StageDto {
  @ApiProperty({ example: 'beta' })
  @IsString()
  @Matches(NAME_PATTERN, { message: 'namespace must be a valid name' })
  namespace!: string;

  @ApiPropertyOptional({
    type: String,
    nullable: true,
    description: 'How long a version must have run here before it moves on; at most 90d.',
    example: '3d',
  })
  @IsOptional()
  @IsDuration(LONGEST_SOAK)
  minSoak?: string | null;

  @ApiPropertyOptional({ type: CriteriaDto, description: 'What a version must have shown here before it moves on.' })
  @IsOptional()
  @IsObject()
  @ValidateNested()
  @Type(() => CriteriaDto)
  criteria?: CriteriaDto;

  @ApiPropertyOptional({ default: false, description: 'A promotion into this stage needs an approval.', example: true })
  @IsOptional()
  @IsBoolean()
  requiresApproval?: boolean;

  @ApiPropertyOptional({
    type: String,
    nullable: true,
    description: 'The release plan by which a version comes into a production namespace. Default: `standard`.',
    example: 'standard',
  })
  @IsOptional()
  @IsString()
  @Matches(NAME_PATTERN, { message: 'plan must be a valid name' })
  plan?: string | null;
}

export class PutPipelineDto {
  @ApiPropertyOptional({ type: String, nullable: true, maxLength: 1000, example: 'How the shop goes live' })
  @IsOptional()
  @IsString()
  @MaxLength(1000)
  description?: string | null;

  @ApiProperty({
    type: [StageDto],
    description: 'In order: a version moves from each to the next.',
    example: [
      { namespace: 'test', minSoak: '1d', criteria: { checks: ['code-review', 'functional'] } },
      { namespace: 'beta', minSoak: '3d', criteria: { metrics: { maxErrorRate: 0.001, minRequests: 1000 }, checks: ['real-data'] } },
      { namespace: 'production', requiresApproval: true, plan: 'standard' },
    ],
  })
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(MAX_STAGES)
  @ArrayUnique((stage: unknown) => (stage as { namespace?: unknown } | null)?.namespace, {
    message: 'stages must be of different namespaces',
  })
  @IsObject({ each: true })
  @ValidateNested({ each: true })
  @Type(() => StageDto)
  stages!: StageDto[];
}

export class PipelineDto {
  @ApiProperty({ example: 'default' }) name!: string;
  @ApiProperty({ type: String, nullable: true, example: 'Test, beta, production.' }) description!: string | null;
  @ApiProperty({ type: [StageDto] }) stages!: StageDto[];
  @ApiProperty({ example: '2026-01-01T12:00:00.000Z' }) createdAt!: string;
  @ApiProperty({ example: '2026-01-01T12:00:00.000Z' }) updatedAt!: string;
  @ApiProperty({ example: 'admin' }) updatedBy!: string;
}

export class PipelinePageDto {
  @ApiProperty({ type: [PipelineDto] }) items!: PipelineDto[];
  @ApiProperty({ type: String, nullable: true, example: null }) nextCursor!: string | null;
}

/** With every default written out. 400 validation_failed for an approval that nobody would ever be asked for. */
export function toPipelineContent({ description, stages }: PutPipelineDto): PipelineContent {
  if (stages[0]?.requiresApproval) {
    const message = 'nothing is promoted into the first stage: versions are made there';
    throw new DomainError('malformed', 'validation_failed', `stages.0.requiresApproval: ${message}.`, {
      errors: [{ path: 'stages.0.requiresApproval', message }],
    });
  }
  return { description: description ?? null, stages: stages.map(toStage) };
}

function toStage({ namespace, minSoak, criteria, requiresApproval, plan }: StageDto): Stage {
  const { maxErrorRate, minAvailability, minRequests, maxLatencyMs } = criteria?.metrics ?? {};
  const { p50, p99 } = maxLatencyMs ?? {};
  const latency = { ...given({ p50 }), ...given({ p99 }) };
  return {
    namespace,
    minSoak: minSoak ?? null,
    criteria: {
      metrics: {
        ...given({ maxErrorRate }),
        ...given({ minAvailability }),
        ...given({ minRequests }),
        ...(Object.keys(latency).length > 0 ? { maxLatencyMs: latency } : {}),
      },
      checks: criteria?.checks ?? [],
    },
    requiresApproval: requiresApproval ?? false,
    plan: plan ?? null,
  };
}

/** Without what is absent or null. */
function given(field: Record<string, number | null | undefined>): Record<string, number> {
  return Object.fromEntries(Object.entries(field).filter((entry): entry is [string, number] => typeof entry[1] === 'number'));
}

export function toPipelineDto({ name, description, stages, createdAt, updatedAt, updatedBy }: Pipeline): PipelineDto {
  return {
    name,
    description,
    stages: stages.map(toStageDto),
    createdAt: createdAt.toISOString(),
    updatedAt: updatedAt.toISOString(),
    updatedBy,
  };
}

function toStageDto({ namespace, minSoak, criteria: { metrics, checks }, requiresApproval, plan }: Stage): StageDto {
  return { namespace, minSoak, criteria: { metrics, checks }, requiresApproval, plan };
}
