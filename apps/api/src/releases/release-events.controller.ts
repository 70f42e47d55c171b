import { Controller, Get, Headers, Req, Res } from '@nestjs/common';
import { ApiExtraModels, ApiHeader, ApiOkResponse, ApiOperation, ApiParam, ApiProduces, ApiTags, getSchemaPath } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { DomainError } from '../http/domain-error.js';
import { NameParam } from '../http/names.js';
import { ApiPage, ApiProblems } from '../http/openapi.js';
import { NumberPageQuery, type PageRequest, paginate } from '../http/pagination.js';
import { ServerSentEvents } from '../http/server-sent-events.js';
import { ReleaseEventPageDto, toReleaseEventDto } from './dto/release.dto.js';
import type { Release } from './release.js';
import { ReleaseEventStream } from './release-event-stream.js';
import { ReleasesService } from './releases.service.js';

const STREAM = 'text/event-stream';
const STREAM_EXAMPLE = 'event: release\nid: 4\ndata: {"sequence":4,"at":"2026-01-01T12:00:03.412Z","type":"observation_started"}\n\n';

@ApiTags('releases')
@ApiExtraModels(ReleaseEventPageDto)
@ApiParam({ name: 'ns', example: 'default' })
@ApiParam({ name: 'app', example: 'shop' })
@ApiParam({ name: 'release', example: '0b8e1c1e-8a34-4a5f-9d5e-0a1f9b3b6c11' })
@Controller('v1/namespaces/:ns/apps/:app/releases/:release/events')
export class ReleaseEventsController {
  constructor(
    private readonly releases: ReleasesService,
    private readonly stream: ReleaseEventStream,
    private readonly streams: ServerSentEvents,
  ) {}

  @Get()
  @ApiOperation({
    summary: 'List what happened to a release, oldest first; or stream it, with `Accept: text/event-stream`, until the release has ended',
  })
  @ApiPage()
  @ApiHeader({ name: 'Last-Event-ID', required: false, description: 'Of a stream: the events after this one. Default: all.', example: '4' })
  @ApiProduces('application/json', STREAM)
  @ApiOkResponse({
    content: {
      'application/json': { schema: { $ref: getSchemaPath(ReleaseEventPageDto) } },
      [STREAM]: { schema: { type: 'string', example: STREAM_EXAMPLE } },
    },
  })
  @ApiProblems({
    400: ['invalid_name', 'invalid_limit', 'invalid_cursor', 'invalid_last_event_id'],
    404: ['app_not_found', 'release_not_found'],
    429: ['too_many_streams'],
  })
  async events(
    @NameParam('ns') namespace: string,
    @NameParam('app') app: string,
    @NameParam('release') id: string,
    @NumberPageQuery() page: PageRequest<number>,
    @Headers('last-event-id') lastEventId: string | undefined,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    response.vary('Accept');
    if (request.accepts(['application/json', STREAM]) === STREAM) {
      const after = parseLastEventId(lastEventId);
      return this.streams.answer(response, (gone) => this.stream.events({ namespace, app }, id, after, gone));
    }
    let plan: Pick<Release, 'plan'> = { plan: { stages: [] } };
    const { items, nextCursor } = await paginate(
      page,
      async (limit, after) => {
        const { release, events } = await this.releases.eventsAfter({ namespace, app }, id, after ?? 0, limit);
        plan = release;
        return events;
      },
      ({ sequence }) => sequence,
    );
    response.json({ items: items.map((event) => toReleaseEventDto(plan, event)), nextCursor } satisfies ReleaseEventPageDto);
  }
}

function parseLastEventId(text: string | undefined): number {
  if (text === undefined) return 0;
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new DomainError('malformed', 'invalid_last_event_id', 'Last-Event-ID must be the id of an event of this stream.', {
    errors: [{ path: 'Last-Event-ID', message: 'must be a whole number' }],
  });
}
