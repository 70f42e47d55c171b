import type { Percentiles, Summary } from '@app-fabric/measurement';
import { ApiExtraModels, ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import type { RecentError } from '../errors.repository.js';
import type { AppMetrics, Group } from '../metrics-reader.js';

class PercentilesDto {
  @ApiProperty({ type: Number, nullable: true, example: 12.4 }) p50!: number | null;
  @ApiProperty({ type: Number, nullable: true, example: 31.2 }) p90!: number | null;
  @ApiProperty({ type: Number, nullable: true, example: 85.5 }) p99!: number | null;
}

class SummaryDto {
  @ApiProperty({ description: 'Requests that have ended.', example: 1200 }) requests!: number;
  @ApiProperty({ description: 'Answers of 500 and above, and failures that the proxy made on behalf of an instance.', example: 60 })
  errors!: number;
  @ApiProperty({
    type: Number,
    nullable: true,
    description: 'Share of the requests that were errors; null without requests.',
    example: 0.05,
  })
  errorRate!: number | null;
  @ApiProperty({
    type: Number,
    nullable: true,
    description: 'Share of the requests that got an answer other than an error; null without requests.',
    example: 0.95,
  })
  availability!: number | null;
  @ApiProperty({ example: 4 }) ratePerSecond!: number;
  @ApiProperty({ type: PercentilesDto, description: 'Milliseconds, within 2 %; null without requests.' }) latencyMs!: Percentiles;
  @ApiProperty({ type: PercentilesDto, description: 'The last attempt at an instance, alone.' }) upstreamLatencyMs!: Percentiles;
  @ApiProperty({
    type: 'object',
    additionalProperties: { type: 'integer' },
    description: '`0xx`: the client left before an answer.',
    example: { '2xx': 1140, '5xx': 60 },
  })
  byStatus!: Record<string, number>;
  @ApiProperty({
    type: 'object',
    additionalProperties: { type: 'integer' },
    description: 'What the proxy made itself, by its code. `answer_cut`: the instance broke its answer off.',
    example: { upstream_timeout: 3 },
  })
  byProxyError!: Record<string, number>;
}

class PointDto extends SummaryDto {
  @ApiProperty({ description: 'Where the step begins.', example: '2026-01-01T12:00:00.000Z' }) at!: string;
}

class GroupDto extends SummaryDto {
  @ApiProperty({ type: Number, nullable: true, description: 'null: requests for which no version was found.', example: 2 })
  version!: number | null;
  @ApiPropertyOptional({ example: 'cart' }) service?: string;
  @ApiPropertyOptional({ example: 'cart-1' }) instanceId?: string;
  @ApiProperty({ description: 'Bytes of bodies from clients.', example: 0 }) bytesIn!: number;
  @ApiProperty({ description: 'Bytes of bodies to clients.', example: 52000 }) bytesOut!: number;
  @ApiProperty({ description: 'Requests that have not ended, now.', example: 3 }) inFlight!: number;
  @ApiPropertyOptional({ type: [PointDto], description: 'With `step`.' }) points?: PointDto[];
}

@ApiExtraModels(PointDto)
export class MetricsDto {
  @ApiProperty({ example: '5m' }) window!: string;
  @ApiProperty({ description: 'Begin of a bucket: the window is never shorter than asked for.', example: '2026-01-01T11:55:00.000Z' })
  from!: string;
  @ApiProperty({ example: '2026-01-01T12:00:03.412Z' }) to!: string;
  @ApiProperty({ type: [GroupDto], description: 'By version, service and instance; only those with requests.' }) groups!: GroupDto[];
}

class ErrorDto {
  @ApiProperty({ example: '2026-01-01T12:00:00.000Z' }) time!: string;
  @ApiProperty({ type: Number, nullable: true, example: 2 }) version!: number | null;
  @ApiProperty({ example: 'cart' }) service!: string;
  @ApiProperty({ type: String, nullable: true, example: '5f0c0c9e-3a53-4f0e-8c53-0d6a1c1d7f7e' }) runId!: string | null;
  @ApiProperty({ type: String, nullable: true, example: 'cart-1' }) instanceId!: string | null;
  @ApiProperty({ description: 'Sent to the client.', example: 502 }) status!: number;
  @ApiProperty({ type: String, nullable: true, description: 'null: the answer is the instance’s own.', example: 'upstream_reset' })
  code!: string | null;
  @ApiProperty({ example: 'GET' }) method!: string;
  @ApiProperty({ description: 'The path with what varies taken out, without query.', example: '/orders/{}' }) pathTemplate!: string;
  @ApiProperty({ type: String, nullable: true, example: '4bf92f3577b34da6a3ce929d0e0e4736' }) traceId!: string | null;
  @ApiProperty({ example: '0a1b2c3d4e5f60718293a4b5c6d7e8f9' }) requestId!: string;
}

export class ErrorPageDto {
  @ApiProperty({ type: [ErrorDto], description: 'Newest first.' }) items!: ErrorDto[];
  @ApiProperty({ type: String, nullable: true, example: null }) nextCursor!: string | null;
  @ApiProperty({ description: 'Errors of the window that were counted but are not listed: only a sample is kept.', example: 0 })
  dropped!: number;
}

/** `window`: as asked for. */
export function toMetricsDto(window: string, metrics: AppMetrics): MetricsDto {
  const { fromMs, toMs } = metrics.window;
  return { window, from: isoOf(fromMs), to: isoOf(toMs), groups: metrics.groups.map(toGroupDto) };
}

function toGroupDto({ place, summary, bytesIn, bytesOut, inFlight, points }: Group): GroupDto {
  return {
    version: place.version,
    ...(place.service === null ? {} : { service: place.service }),
    ...(place.instance === null ? {} : { instanceId: place.instance }),
    ...toSummaryDto(summary),
    bytesIn,
    bytesOut,
    inFlight,
    ...(points === null ? {} : { points: points.map(({ atMs, summary: one }) => ({ at: isoOf(atMs), ...toSummaryDto(one) })) }),
  };
}

function toSummaryDto(summary: Summary): SummaryDto {
  const { requests, errors, errorRate, availability, ratePerSecond, latencyMs, upstreamLatencyMs, byStatus, byProxyError } = summary;
  return { requests, errors, errorRate, availability, ratePerSecond, latencyMs, upstreamLatencyMs, byStatus, byProxyError };
}

export function toErrorDto(error: RecentError): ErrorDto {
  const { version, service, runId, instance, status, code, method, pathTemplate, traceId, requestId } = error;
  return { time: isoOf(error.atMs), version, service, runId, instanceId: instance, status, code, method, pathTemplate, traceId, requestId };
}

function isoOf(ms: number): string {
  return new Date(ms).toISOString();
}
