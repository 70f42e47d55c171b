import { toPercentages } from '@app-fabric/routing';
import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Allow, ArrayMaxSize, ArrayMinSize, ArrayUnique, IsArray, IsIn, IsInt, IsNumber, IsOptional, Max, Min } from 'class-validator';
import { PropagationDto, toPropagationDto } from '../../distribution/dto/distribution.dto.js';
import type { PropagationState } from '../../publishing/propagation-state.js';
import { IsInstanceUrl } from '../instance-url.js';
import type { Stopped } from '../lifecycle.service.js';
import type { Program, RunDetails } from '../programs.service.js';
import { PROGRAM_TYPES, type ProgramType, RUN_STATUSES, type Run, type RunInstance, type RunStatus } from '../run.js';

const MAX_INSTANCES = 100;
const MAX_DRAIN_SECONDS = 3_600;

export class StartDto {
  @ApiPropertyOptional({
    minimum: 1,
    maximum: MAX_INSTANCES,
    description: 'Default: of a service what the namespace says (`resources`), else what the artifact says, else 1.',
    example: 2,
  })
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(MAX_INSTANCES)
  instances?: number;
}

export class StopDto {
  @ApiPropertyOptional({
    minimum: 0,
    maximum: MAX_DRAIN_SECONDS,
    default: 30,
    description: 'How long requests in flight may take to end.',
    example: 30,
  })
  @IsOptional()
  @IsNumber({ maxDecimalPlaces: 0 })
  @Min(0)
  @Max(MAX_DRAIN_SECONDS)
  drainSeconds?: number;

  @ApiPropertyOptional({
    type: 'object',
    additionalProperties: { type: 'number' },
    description: 'Where the share goes (percent, sum 100), instead of to the other running versions in proportion.',
    example: { 2: 100 },
  })
  @IsOptional()
  @Allow()
  reallocate?: unknown;
}

export class StartVersionDto {
  @ApiPropertyOptional({ enum: PROGRAM_TYPES, isArray: true, description: 'Default: all types.', example: ['service'] })
  @IsOptional()
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(PROGRAM_TYPES.length)
  @ArrayUnique()
  @IsIn(PROGRAM_TYPES, { each: true })
  types?: ProgramType[];
}

export class StopVersionDto extends StopDto {
  @ApiPropertyOptional({ enum: PROGRAM_TYPES, isArray: true, description: 'Default: all types.', example: ['flow', 'worker'] })
  @IsOptional()
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(PROGRAM_TYPES.length)
  @ArrayUnique()
  @IsIn(PROGRAM_TYPES, { each: true })
  types?: ProgramType[];
}

export class InstancesDto {
  @ApiProperty({ minimum: 1, maximum: MAX_INSTANCES, example: 3 })
  @IsInt()
  @Min(1)
  @Max(MAX_INSTANCES)
  count!: number;
}

export class RegisterInstanceDto {
  @ApiProperty({
    description: 'Base URL: http or https, host and port; no path. The proxies check the certificate against the host.',
    example: 'http://127.0.0.1:9001',
  })
  @IsInstanceUrl()
  url!: string;

  @ApiPropertyOptional({
    minimum: 1,
    maximum: 86_400,
    default: 30,
    description: 'The instance leaves the routes when no heartbeat comes for this long.',
    example: 30,
  })
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(86_400)
  ttlSeconds?: number;
}

export class InstanceDto {
  @ApiProperty({ example: '6f1c2a9be01d4c55' }) instanceId!: string;
  @ApiProperty({ type: String, nullable: true, example: 'http://127.0.0.1:41234' }) url!: string | null;
  @ApiProperty({ enum: ['STARTING', 'RUNNING', 'UNREADY', 'RESTARTING', 'STOPPING', 'COMPLETED', 'FAILED'], example: 'RUNNING' })
  status!: string;
  @ApiProperty({ example: '2026-01-01T12:00:00.000Z' }) startedAt!: string;
  @ApiProperty({ example: 0 }) restarts!: number;
  @ApiPropertyOptional({ description: 'Only of instances that run elsewhere.', example: 30 }) ttlSeconds?: number;
  @ApiPropertyOptional({ example: '2026-01-01T12:00:30.000Z' }) expiresAt?: string;
}

export class ProgramNameDto {
  @ApiProperty({ example: 'cart' }) name!: string;
  @ApiProperty({ enum: PROGRAM_TYPES, example: 'service' }) type!: ProgramType;
}

export class RunArtifactDto {
  @ApiProperty({ example: 'shop' }) name!: string;
  @ApiProperty({ example: '1.0.0' }) version!: string;
}

export class RunExitDto {
  @ApiProperty({ type: Number, nullable: true, example: 1 }) code!: number | null;
  @ApiProperty({ type: String, nullable: true, example: null }) signal!: string | null;
}

export class ScopeWeightsDto {
  @ApiProperty({ enum: ['app', 'service'], example: 'app' }) scope!: 'app' | 'service';
  @ApiPropertyOptional({ example: 'cart' }) service?: string;
  @ApiProperty({
    type: 'object',
    additionalProperties: { type: 'number' },
    description: 'Empty: the distribution is removed.',
    example: { 2: 100 },
  })
  weights!: Record<string, number>;
}

export class RunDto {
  @ApiProperty({ example: '0b8e1c1e-8a34-4a5f-9d5e-0a1f9b3b6c11' }) runId!: string;
  @ApiProperty({ example: 2 }) version!: number;
  @ApiProperty({ type: RunArtifactDto }) artifact!: RunArtifactDto;
  @ApiProperty({ type: ProgramNameDto }) program!: ProgramNameDto;
  @ApiProperty({ enum: RUN_STATUSES, example: 'RUNNING' }) status!: RunStatus;
  @ApiProperty({ example: 1 }) desiredInstances!: number;
  @ApiProperty({ type: [InstanceDto] }) instances!: InstanceDto[];
  @ApiProperty({ type: String, nullable: true, example: '2026-01-01T12:00:00.000Z' }) startedAt!: string | null;
  @ApiProperty({ type: String, nullable: true, example: null }) stoppedAt!: string | null;
  @ApiPropertyOptional({ type: RunExitDto }) exit?: RunExitDto;
  @ApiPropertyOptional({ example: 'exited with code 1 five times in a row' }) error?: string;
  @ApiPropertyOptional({ type: PropagationDto, description: 'Which proxies have what this run last changed in the routes.' })
  propagation?: PropagationDto;
  @ApiPropertyOptional({ type: [ScopeWeightsDto], description: 'Only in the answer to a stop: what became of the weights.' })
  distributions?: ScopeWeightsDto[];
}

export class ProgramDto {
  @ApiProperty({ example: 'cart' }) name!: string;
  @ApiProperty({ enum: PROGRAM_TYPES, example: 'service' }) type!: ProgramType;
  @ApiPropertyOptional({ type: [String], example: ['node', 'cart.mjs'] }) command?: string[];
  @ApiPropertyOptional({ example: '/healthz' }) healthPath?: string;
  @ApiProperty({ example: 1 }) instances!: number;
  @ApiProperty({ enum: RUN_STATUSES, nullable: true, description: 'Of the last run; null when it never ran.', example: 'RUNNING' })
  status!: RunStatus | null;
  @ApiProperty({ type: String, nullable: true, example: '0b8e1c1e-8a34-4a5f-9d5e-0a1f9b3b6c11' }) lastRunId!: string | null;
}

export class RunListDto {
  @ApiProperty({ type: [RunDto] }) items!: RunDto[];
  @ApiProperty({ type: String, nullable: true, example: null }) nextCursor!: null;
}

export class RunPageDto {
  @ApiProperty({ type: [RunDto] }) items!: RunDto[];
  @ApiProperty({ type: String, nullable: true, example: null }) nextCursor!: string | null;
}

export class ProgramListDto {
  @ApiProperty({ type: [ProgramDto] }) items!: ProgramDto[];
  @ApiProperty({ type: String, nullable: true, description: 'Always null: all are listed.', example: null }) nextCursor!: null;
}

export function toRunDto({ run, instances }: RunDetails, propagation?: PropagationState, distributions?: Stopped['distributions']): RunDto {
  return {
    runId: run.runId,
    version: run.program.version,
    artifact: run.artifact,
    program: { name: run.program.name, type: run.program.type },
    status: run.status,
    desiredInstances: run.desiredInstances,
    instances: instances.map(toInstanceDto),
    startedAt: run.startedAt?.toISOString() ?? null,
    stoppedAt: run.stoppedAt?.toISOString() ?? null,
    ...(run.exit ? { exit: run.exit } : {}),
    ...(run.error === null ? {} : { error: run.error }),
    ...(propagation ? { propagation: toPropagationDto(propagation) } : {}),
    ...(distributions
      ? {
          distributions: [...distributions].map(
            ([service, weights]): ScopeWeightsDto => ({
              ...(service === '' ? { scope: 'app' as const } : { scope: 'service' as const, service }),
              weights: weights ? toPercentages(weights) : {},
            }),
          ),
        }
      : {}),
  };
}

export function toInstanceDto(instance: RunInstance): InstanceDto {
  return {
    instanceId: instance.instanceId,
    url: instance.url,
    status: instance.status,
    startedAt: instance.startedAt.toISOString(),
    restarts: instance.restarts,
    ...(instance.ttlSeconds === null ? {} : { ttlSeconds: instance.ttlSeconds }),
    ...(instance.expiresAt === null ? {} : { expiresAt: instance.expiresAt.toISOString() }),
  };
}

export function toProgramDto({ program, last }: { program: Program; last: Run | null }): ProgramDto {
  const { name, type, command, healthPath, instances } = program.spec;
  return {
    name,
    type,
    ...(command ? { command } : {}),
    ...(healthPath ? { healthPath } : {}),
    instances,
    status: last?.status ?? null,
    lastRunId: last?.runId ?? null,
  };
}
