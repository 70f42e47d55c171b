import { Controller, Get, Query, Res } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiParam, ApiProduces, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { NameParam } from '../http/names.js';
import { ApiPage, ApiProblems } from '../http/openapi.js';
import { PageQuery, type PageRequest, paginate } from '../http/pagination.js';
import { ServerSentEvents } from '../http/server-sent-events.js';
import { ErrorPageDto, MetricsDto, toErrorDto, toMetricsDto } from './dto/metrics.dto.js';
import { ErrorsQueryDto, invalid, MetricsQueryDto, StreamQueryDto, toQuestion } from './dto/metrics-query.dto.js';
import { MetricsReader } from './metrics-reader.js';
import { metricsEvents } from './metrics-stream.js';

const DEFAULT_WINDOW = '5m';
const STREAM_EXAMPLE = 'event: metrics\nid: 2026-01-01T12:00:03.412Z\ndata: {"window":"5m","groups":[{"version":2,"requests":1200}]}\n\n';
const LONGEST_ERROR_WINDOW_MS = 7 * 86_400_000;

@ApiTags('metrics')
@ApiParam({ name: 'ns', example: 'default' })
@ApiParam({ name: 'app', example: 'shop' })
@Controller('v1/namespaces/:ns/apps/:app')
export class MetricsController {
  constructor(
    private readonly reader: MetricsReader,
    private readonly streams: ServerSentEvents,
  ) {}

  @Get('metrics')
  @ApiOperation({
    summary: 'Show requests, errors and latencies of an app’s versions, services or instances, at most 3 s after the request',
  })
  @ApiOkResponse({ type: MetricsDto })
  @ApiProblems({ 400: ['validation_failed', 'invalid_name'], 404: ['app_not_found'], 422: ['too_many_series'] })
  async metrics(@NameParam('ns') namespace: string, @NameParam('app') app: string, @Query() query: MetricsQueryDto): Promise<MetricsDto> {
    return toMetricsDto(query.window ?? DEFAULT_WINDOW, await this.reader.read({ namespace, app }, toQuestion(query)));
  }

  @Get('metrics/stream')
  @ApiOperation({ summary: 'The same as server-sent events of the name `metrics`, one a second' })
  @ApiProduces('text/event-stream')
  @ApiOkResponse({ description: 'Each event’s data is what `metrics` answers.', schema: { type: 'string', example: STREAM_EXAMPLE } })
  @ApiProblems({
    400: ['validation_failed', 'invalid_name'],
    404: ['app_not_found'],
    422: ['too_many_series'],
    429: ['too_many_streams'],
  })
  async stream(
    @NameParam('ns') namespace: string,
    @NameParam('app') app: string,
    @Query() query: StreamQueryDto,
    @Res() response: Response,
  ): Promise<void> {
    const question = toQuestion(query);
    const look = async () => toMetricsDto(query.window ?? DEFAULT_WINDOW, await this.reader.read({ namespace, app }, question));
    await this.streams.answer(response, (gone) => metricsEvents(look, gone));
  }

  @Get('errors')
  @ApiOperation({ summary: 'Show the newest requests that were errors: a sample, at most 1,000 of a version' })
  @ApiPage()
  @ApiOkResponse({ type: ErrorPageDto })
  @ApiProblems({ 400: ['validation_failed', 'invalid_name', 'invalid_limit', 'invalid_cursor'], 404: ['app_not_found'] })
  async errors(
    @NameParam('ns') namespace: string,
    @NameParam('app') app: string,
    @Query() query: ErrorsQueryDto,
    @PageQuery() page: PageRequest,
  ): Promise<ErrorPageDto> {
    const question = toQuestion(query, '1h');
    if (question.windowMs > LONGEST_ERROR_WINDOW_MS) throw invalid('window', 'must be from 10s to 7d');
    let dropped = 0;
    const { items, nextCursor } = await paginate(
      page,
      async (limit, after) => {
        const found = await this.reader.recentErrors({ namespace, app }, question, limit, after === null ? null : readKey(after));
        dropped = found.dropped;
        return found.items;
      },
      ({ atMs, id }) => `${atMs}.${id}`,
    );
    return { items: items.map(toErrorDto), nextCursor, dropped };
  }
}

function readKey(key: string): { atMs: number; id: string } {
  const match = /^(\d{1,15})\.(\d{1,18})$/.exec(key);
  if (match === null) throw invalid('cursor', 'must be the nextCursor of an earlier answer of this list');
  return { atMs: Number(match[1]), id: match[2]! };
}
