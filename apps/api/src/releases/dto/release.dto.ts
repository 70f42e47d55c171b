import { allowedActions, parseDuration, RELEASE_ACTIONS, RELEASE_STATUSES, toPlanDocument } from '@app-fabric/release';
import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Allow, IsInt, IsOptional, IsString, Max, MaxLength, Min, ValidateBy } from 'class-validator';
import { PropagationDto, toPropagationDto } from '../../distribution/dto/distribution.dto.js';
import { DomainError } from '../../http/domain-error.js';
import type { PropagationState } from '../../publishing/propagation-state.js';
import type { Release, StoredEvent, Zeroing } from '../release.js';
import { requirePlan, STANDARD } from '../release-plans.service.js';
import type { StartRequest } from '../release-starter.js';
import { STAGES } from './release-plan.dto.js';

const MAX_VERSION = 2_147_483_647;
const LONGEST_EXTENSION = '90d';
const VERDICTS = ['pass', 'minor', 'moderate', 'severe', 'not_enough_data'];
const TIME = { format: 'date-time', example: '2026-01-01T12:00:00.000Z' } as const;
const MAYBE_TIME = { type: String, nullable: true, ...TIME } as const;

class ReasonDto {
  @ApiPropertyOptional({ maxLength: 500, example: 'SHOP-18: faster search' })
  @IsOptional()
  @IsString()
  @MaxLength(500)
  reason?: string | null;
}

export class StartReleaseDto extends ReasonDto {
  @ApiProperty({ description: 'The version to release.', example: 2 })
  @IsInt()
  @Min(1)
  @Max(MAX_VERSION)
  candidate!: number;

  @ApiPropertyOptional({ description: 'What it is compared with. Default: the version that has the most traffic.', example: 1 })
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(MAX_VERSION)
  baseline?: number | null;

  @ApiPropertyOptional({
    oneOf: [{ type: 'string' }, { type: 'object', properties: { stages: STAGES } }],
    default: STANDARD,
    description: 'The name of a stored plan, or one for this release alone.',
    example: STANDARD,
  })
  @IsOptional()
  @Allow() // read by libs/release, which says what is wrong with it field by field
  plan?: unknown;
}

export class ReleaseActionDto extends ReasonDto {
  @ApiPropertyOptional({ description: 'Only of `extend`: how much longer it is observed. Default: as long as the stage.', example: '1h' })
  @IsOptional()
  @ValidateBy({
    name: 'isDuration',
    validator: {
      validate: (value: unknown) => {
        const ms = parseDuration(value);
        return ms !== null && ms > 0 && ms <= parseDuration(LONGEST_EXTENSION)!;
      },
      defaultMessage: () => `observe must be a time like "90s", "2h" or "1d", above 0 and at most "${LONGEST_EXTENSION}"`,
    },
  })
  observe?: string | null;
}

class StageDto {
  @ApiProperty({ description: 'From 0.', example: 1 }) index!: number;
  @ApiProperty({ example: 'small-scale' }) name!: string;
  @ApiProperty({ description: 'Percent, of the stage.', example: 20 }) weight!: number;
  @ApiProperty({ enum: ['preparing', 'shifting', 'observing', 'stopping'], example: 'observing' }) phase!: string;
  @ApiProperty({ ...MAYBE_TIME, description: 'When its observation began.' }) startedAt!: string | null;
  @ApiProperty({ ...MAYBE_TIME, example: '2026-01-01T16:00:00.000Z' }) observeUntil!: string | null;
  @ApiProperty({ example: 0 }) extensions!: number;
}

const RATE = { description: 'A fraction.', example: 0.00004 } as const;
const BOUND = { description: 'Of the confidence sequence.', example: 0.00001 } as const;

class LatencyVerdictDto {
  @ApiProperty({ enum: VERDICTS, example: 'pass' }) verdict!: string;
  @ApiProperty({ enum: ['p50', 'p99'], example: 'p99' }) quantile!: string;
  @ApiProperty({ enum: ['limit', 'baseline'], example: 'limit' }) against!: string;
  @ApiProperty({ type: Number, nullable: true, example: 250 }) limitMs!: number | null;
  @ApiProperty({ type: Number, nullable: true, example: 84.2 }) valueMs!: number | null;
  @ApiProperty({ type: Number, nullable: true, example: 80.1 }) baselineMs!: number | null;
  @ApiProperty({ description: 'Share of the candidate’s requests that took longer than the limit.', example: 0.002 }) slower!: number;
  @ApiProperty(BOUND) lower!: number;
  @ApiProperty(BOUND) upper!: number;
  @ApiProperty({ example: 52000 }) requests!: number;
}

class StabilityDto {
  @ApiProperty({ enum: VERDICTS, example: 'pass' }) verdict!: string;
  @ApiProperty(RATE) errorRate!: number;
  @ApiProperty(BOUND) lower!: number;
  @ApiProperty({ ...BOUND, example: 0.0001 }) upper!: number;
  @ApiProperty({ example: 52000 }) requests!: number;
  @ApiProperty({ type: Number, nullable: true, description: 'Over the same time.', example: 0.00003 }) baselineErrorRate!: number | null;
  @ApiProperty({ type: [LatencyVerdictDto], description: 'One for each limit of the stage.' }) latency!: LatencyVerdictDto[];
}

class AvailabilityDto {
  @ApiProperty({ enum: VERDICTS, example: 'pass' }) verdict!: string;
  @ApiProperty({ description: 'A fraction.', example: 0.99996 }) availability!: number;
  @ApiProperty({ ...BOUND, example: 0.9998 }) lower!: number;
  @ApiProperty({ ...BOUND, example: 0.99999 }) upper!: number;
  @ApiProperty({ example: 52000 }) requests!: number;
  @ApiProperty({ type: Number, nullable: true, description: 'Over the same time.', example: 0.99997 }) baselineAvailability!: number | null;
}

class VerdictsDto {
  @ApiProperty({ type: StabilityDto }) stability!: StabilityDto;
  @ApiProperty({ type: AvailabilityDto }) availability!: AvailabilityDto;
}

class ReleasePlanOfDto {
  @ApiProperty({ type: String, nullable: true, example: STANDARD }) name!: string | null;
  @ApiProperty(STAGES) stages!: object[];
}

class ZeroingDto {
  @ApiProperty({ ...TIME, description: 'It was decided.' }) requestedAt!: string;
  @ApiProperty({ ...TIME, description: 'The weights were committed.' }) committedAt!: string;
  @ApiProperty({ ...MAYBE_TIME, description: 'Every live proxy had reported that it routes by them.' }) appliedAt!: string | null;
  @ApiProperty({ ...MAYBE_TIME, description: 'The measured traffic showed it too.' }) confirmedAt!: string | null;
  @ApiProperty({ type: Number, nullable: true, description: 'From the commit to the last of the proxies.', example: 12.4 })
  tookMs!: number | null;
}

export class ReleaseDto {
  @ApiProperty({ example: '0b8e1c1e-8a34-4a5f-9d5e-0a1f9b3b6c11' }) id!: string;
  @ApiProperty({ enum: RELEASE_STATUSES, example: 'running' }) status!: string;
  @ApiProperty({ example: 2 }) candidate!: number;
  @ApiProperty({ example: 1 }) baseline!: number;
  @ApiProperty({ description: 'The candidate’s share that is wanted now, in percent.', example: 20 }) weight!: number;
  @ApiProperty({ type: ReleasePlanOfDto }) plan!: ReleasePlanOfDto;
  @ApiProperty({ type: StageDto }) stage!: StageDto;
  @ApiProperty({ type: VerdictsDto, nullable: true, description: 'Of this stage so far; null: nothing was judged yet.' })
  verdicts!: VerdictsDto | null;
  @ApiProperty({ type: String, nullable: true, description: 'Why it is as it is.', example: 'stage initial has passed' })
  reason!: string | null;
  @ApiProperty({ type: String, nullable: true, description: 'What is not yet as the release wants it.', example: null })
  waitingFor!: string | null;
  @ApiProperty({ enum: RELEASE_ACTIONS, isArray: true, description: 'What can be asked for now.', example: ['pause', 'zero', 'rollback'] })
  actions!: string[];
  @ApiProperty({
    type: ZeroingDto,
    nullable: true,
    description: 'The last time that the candidate’s traffic was taken away.',
    example: null,
  })
  zeroing!: ZeroingDto | null;
  @ApiProperty({ type: String, nullable: true, description: 'Why it goes on although its namespace is, or was, frozen.', example: null })
  freezeOverride!: string | null;
  @ApiProperty({ example: 'admin' }) startedBy!: string;
  @ApiProperty(TIME) startedAt!: string;
  @ApiProperty({ ...MAYBE_TIME, example: null }) endedAt!: string | null;
  @ApiPropertyOptional({ type: PropagationDto, description: 'Which proxies have the weights. Not in lists.' }) propagation?: PropagationDto;
}

export class ReleasePageDto {
  @ApiProperty({ type: [ReleaseDto] }) items!: ReleaseDto[];
  @ApiProperty({ type: String, nullable: true, example: null }) nextCursor!: string | null;
}

class WeightChangeDto {
  @ApiProperty({ description: 'Percent.', example: 5 }) from!: number;
  @ApiProperty({ example: 20 }) to!: number;
}

export class ReleaseEventDto {
  @ApiProperty({ description: 'From 1, without gaps.', example: 6 }) sequence!: number;
  @ApiProperty(TIME) at!: string;
  @ApiProperty({ example: 'weight_set' }) type!: string;
  @ApiProperty({ enum: RELEASE_STATUSES, example: 'running' }) from!: string;
  @ApiProperty({ enum: RELEASE_STATUSES, example: 'running' }) to!: string;
  @ApiProperty({ example: 'small-scale' }) stage!: string;
  @ApiProperty({ type: WeightChangeDto, description: 'The candidate’s share.' }) weight!: WeightChangeDto;
  @ApiProperty({ description: '`system`: the release itself.', example: 'system' }) by!: string;
  @ApiProperty({ type: String, nullable: true, example: 'stage small-scale: 20 %' }) reason!: string | null;
  @ApiProperty({
    type: 'object',
    additionalProperties: true,
    nullable: true,
    description: 'What was known when it was decided.',
    example: null,
  })
  evidence!: object | null;
}

export class ReleaseEventPageDto {
  @ApiProperty({ type: [ReleaseEventDto], description: 'Oldest first.' }) items!: ReleaseEventDto[];
  @ApiProperty({ type: String, nullable: true, example: null }) nextCursor!: string | null;
}

export function toStartRequest(body: StartReleaseDto): Pick<StartRequest, 'candidate' | 'baseline' | 'plan' | 'reason'> {
  const { candidate, baseline = null, plan = STANDARD, reason = null } = body;
  return { candidate, baseline, plan: toPlan(plan ?? STANDARD), reason };
}

function toPlan(plan: unknown): StartRequest['plan'] {
  if (typeof plan !== 'string') return requirePlan(plan, 'plan');
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/.test(plan)) return plan;
  throw new DomainError('malformed', 'invalid_plan', 'The plan is neither the name of a plan nor one.', {
    errors: [{ path: 'plan', message: 'must be the name of a plan, or {stages: […]}' }],
  });
}

export function toReleaseDto(release: Release, propagation?: PropagationState): ReleaseDto {
  const { id, state, plan, planName, candidate, baseline, progress, freezeOverride, startedBy, startedAt } = release;
  const stage = plan.stages[state.stageIndex]!;
  const { judgement } = progress;
  return {
    id,
    status: state.status,
    candidate,
    baseline,
    weight: state.wanted.candidateWeightBp / 100,
    plan: { name: planName, ...toPlanDocument(plan) },
    stage: {
      index: state.stageIndex,
      name: stage.name,
      weight: stage.weightBp / 100,
      phase: state.phase,
      startedAt: isoOf(state.stageStartedAt),
      observeUntil: isoOf(state.observeUntil),
      extensions: state.extensions,
    },
    verdicts: judgement && { stability: judgement.stability, availability: judgement.availability },
    reason: state.reason,
    waitingFor: state.wanted.enforced ? progress.waitingFor : null,
    actions: allowedActions(state.status),
    zeroing: progress.zeroing && toZeroingDto(progress.zeroing),
    freezeOverride,
    startedBy,
    startedAt: startedAt.toISOString(),
    endedAt: isoOf(state.endedAt),
    ...(propagation ? { propagation: toPropagationDto(propagation) } : {}),
  };
}

function toZeroingDto({ requestedAtMs, committedAtMs, appliedAtMs, confirmedAtMs, tookMs }: Zeroing): ZeroingDto {
  return {
    requestedAt: isoOf(requestedAtMs)!,
    committedAt: isoOf(committedAtMs)!,
    appliedAt: isoOf(appliedAtMs),
    confirmedAt: isoOf(confirmedAtMs),
    tookMs,
  };
}

export function toReleaseEventDto({ plan }: Pick<Release, 'plan'>, event: StoredEvent): ReleaseEventDto {
  const { sequence, at, type, from, to, stageIndex, candidateWeightBp, by, reason, evidence } = event;
  return {
    sequence,
    at: at.toISOString(),
    type,
    from,
    to,
    stage: plan.stages[stageIndex]!.name,
    weight: { from: candidateWeightBp.from / 100, to: candidateWeightBp.to / 100 },
    by: by ?? 'system',
    reason,
    evidence,
  };
}

function isoOf(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}
