import { ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn, IsOptional, Matches } from 'class-validator';
import { DomainError } from '../../http/domain-error.js';
import { parseDuration } from '../../http/duration.js';
import { NAME_PATTERN } from '../../http/names.js';
import type { GroupBy, MetricsQuestion } from '../metrics-reader.js';
import { resolutionFor, stepProblem } from '../metrics-window.js';

const DURATION = /^[1-9]\d{0,6}[smhd]$/;
const DURATION_MESSAGE = '$property must be a number of seconds, minutes, hours or days: 90s, 5m, 2h, 1d';
const SHORTEST_WINDOW_MS = 10_000;

/** Query parameters that choose what of an app is looked at. */
class SeriesQueryDto {
  @ApiPropertyOptional({ example: '2', description: 'Only this version.' })
  @IsOptional()
  @Matches(/^[1-9]\d{0,8}$/, { message: '$property must be the number of a version' })
  version?: string;

  @ApiPropertyOptional({ example: 'cart', description: 'Only this service.' })
  @IsOptional()
  @Matches(NAME_PATTERN, { message: '$property must be a name' })
  service?: string;
}

export class StreamQueryDto extends SeriesQueryDto {
  @ApiPropertyOptional({ enum: ['version', 'service', 'instance'], default: 'version', description: 'What a group is.' })
  @IsOptional()
  @IsIn(['version', 'service', 'instance'], { message: '$property must be version, service or instance' })
  by?: GroupBy;

  @ApiPropertyOptional({
    example: '5m',
    default: '5m',
    description: 'How far back, 10s to 90d (by instance: 1d). Up to 1h is kept in steps of 10s, up to 1d in minutes, beyond that in hours.',
  })
  @IsOptional()
  @Matches(DURATION, { message: DURATION_MESSAGE })
  window?: string;
}

export class MetricsQueryDto extends StreamQueryDto {
  @ApiPropertyOptional({
    example: '10s',
    description: 'With it every group has points of this length, at most 1,000. A multiple of the steps that are kept.',
  })
  @IsOptional()
  @Matches(DURATION, { message: DURATION_MESSAGE })
  step?: string;
}

export class ErrorsQueryDto extends SeriesQueryDto {
  @ApiPropertyOptional({ example: '1h', default: '1h', description: 'How far back, 10s to 7d.' })
  @IsOptional()
  @Matches(DURATION, { message: DURATION_MESSAGE })
  window?: string;

  /** Read by the page's own decorator. */
  @IsOptional()
  limit?: string;

  @IsOptional()
  cursor?: string;
}

/** 400 validation_failed: the window is longer than what is kept, or the step does not fit into it. */
export function toQuestion(query: MetricsQueryDto, defaultWindow = '5m'): MetricsQuestion {
  const by = query.by ?? 'version';
  const windowMs = parseDuration(query.window ?? defaultWindow) ?? 0;
  const resolution = resolutionFor(windowMs, by === 'instance');
  if (resolution === null || windowMs < SHORTEST_WINDOW_MS)
    throw invalid('window', `must be from 10s to ${by === 'instance' ? '1d, by instance' : '90d'}`);
  const stepMs = query.step === undefined ? null : (parseDuration(query.step) ?? 0);
  const problem = stepMs === null ? null : stepProblem(stepMs, windowMs, resolution);
  if (problem !== null) throw invalid('step', problem);
  return {
    windowMs,
    stepMs,
    resolution,
    by,
    version: query.version === undefined ? null : Number(query.version),
    service: query.service ?? null,
  };
}

export function invalid(path: string, message: string): DomainError {
  return new DomainError('malformed', 'validation_failed', `${path} ${message}.`, { errors: [{ path, message }] });
}
