import { isTerminal, parseDuration, RELEASE_ACTIONS, type ReleaseAction } from '@app-fabric/release';
import { Body, Controller, Get, HttpCode, Param, Post, Res } from '@nestjs/common';
import { ApiCreatedResponse, ApiOkResponse, ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { ApiFreezeOverride, FreezeOverride } from '../freezes/freeze-override.js';
import { CurrentPrincipal } from '../http/auth.guard.js';
import { DomainError } from '../http/domain-error.js';
import { ApiDryRun, DryRun } from '../http/dry-run.js';
import { Expected, type IfMatch } from '../http/etag.js';
import { ApiIdempotencyKey } from '../http/idempotency.js';
import { NameParam } from '../http/names.js';
import { ApiIfMatch, ApiPage, ApiProblems } from '../http/openapi.js';
import { PageQuery, type PageRequest, paginate } from '../http/pagination.js';
import { ApiPreferWait, PreferWait } from '../http/prefer.js';
import type { Principal } from '../http/request-context.js';
import { ReleaseActionDto, ReleaseDto, ReleasePageDto, StartReleaseDto, toReleaseDto, toStartRequest } from './dto/release.dto.js';
import type { Release } from './release.js';
import { ReleaseStarter } from './release-starter.js';
import { ReleaseWaiter } from './release-waiter.js';
import { type ReleaseCursor, ReleasesService, releaseEtag } from './releases.service.js';

const NOT_THERE = { 400: ['invalid_name'], 404: ['app_not_found', 'release_not_found'] };

@ApiTags('releases')
@ApiParam({ name: 'ns', example: 'default' })
@ApiParam({ name: 'app', example: 'shop' })
@Controller('v1/namespaces/:ns/apps/:app/releases')
export class ReleasesController {
  constructor(
    private readonly starter: ReleaseStarter,
    private readonly releases: ReleasesService,
    private readonly waiter: ReleaseWaiter,
  ) {}

  @Post()
  @HttpCode(201)
  @ApiOperation({ summary: 'Begin to release a version in stages. Its services are started where they can be started from here' })
  @ApiIdempotencyKey()
  @ApiDryRun()
  @ApiPreferWait()
  @ApiFreezeOverride()
  @ApiCreatedResponse({ type: ReleaseDto })
  @ApiProblems({
    400: ['validation_failed', 'invalid_plan', 'invalid_name'],
    404: ['app_not_found'],
    409: [
      'release_active',
      'candidate_not_running',
      'no_baseline',
      'baseline_without_traffic',
      'candidate_in_override',
      'baseline_not_running',
      'frozen',
    ],
    422: ['unknown_version', 'unknown_plan', 'candidate_is_baseline'],
  })
  async start(
    @NameParam('ns') namespace: string,
    @NameParam('app') app: string,
    @Body() body: StartReleaseDto,
    @DryRun() dryRun: boolean,
    @PreferWait() waitMs: number,
    @FreezeOverride() freezeOverride: string | null,
    @CurrentPrincipal() { name: by }: Principal,
    @Res({ passthrough: true }) response: Response,
  ): Promise<ReleaseDto> {
    const release = await this.starter.start({ namespace, app, ...toStartRequest(body), by, dryRun, freezeOverride });
    if (!dryRun) response.setHeader('Location', `/v1/namespaces/${namespace}/apps/${app}/releases/${release.id}`);
    return this.answer(release, response, dryRun ? null : waitMs);
  }

  @Get()
  @ApiOperation({ summary: 'List the releases of an app, newest first' })
  @ApiPage()
  @ApiOkResponse({ type: ReleasePageDto })
  @ApiProblems({ 400: ['invalid_name', 'invalid_limit', 'invalid_cursor'], 404: ['app_not_found'] })
  async list(@NameParam('ns') namespace: string, @NameParam('app') app: string, @PageQuery() page: PageRequest): Promise<ReleasePageDto> {
    const { items, nextCursor } = await paginate(
      page,
      (limit, after) => this.releases.list({ namespace, app }, limit, after === null ? null : parseCursor(after)),
      ({ startedAt, id }) => `${startedAt.getTime()}.${id}`,
    );
    return { items: items.map((release) => toReleaseDto(release)), nextCursor };
  }

  @Get(':release')
  @ApiParam({ name: 'release', example: '0b8e1c1e-8a34-4a5f-9d5e-0a1f9b3b6c11' })
  @ApiOperation({ summary: 'Show a release: its stage, verdicts, and what can be asked for' })
  @ApiOkResponse({ type: ReleaseDto })
  @ApiProblems(NOT_THERE)
  async get(
    @NameParam('ns') namespace: string,
    @NameParam('app') app: string,
    @NameParam('release') id: string,
    @Res({ passthrough: true }) response: Response,
  ): Promise<ReleaseDto> {
    return this.answer(await this.releases.get({ namespace, app }, id), response, 0);
  }

  @Post(':release/:action')
  @HttpCode(200)
  @ApiParam({ name: 'release', example: '0b8e1c1e-8a34-4a5f-9d5e-0a1f9b3b6c11' })
  @ApiParam({ name: 'action', enum: RELEASE_ACTIONS, example: 'zero' })
  @ApiOperation({
    summary: 'Act on a release',
    description:
      '`pause`, `resume`; `extend` the observation; `approve` a stage that waits for it; `advance` to the next stage; `promote` to all traffic; `zero`: the traffic away, the instances stay; `restore` after that, step by step; `rollback`: the weights of before, then the candidate stops; `abort`: leave everything as it is.',
  })
  @ApiIdempotencyKey()
  @ApiIfMatch()
  @ApiDryRun()
  @ApiPreferWait()
  @ApiFreezeOverride()
  @ApiOkResponse({ type: ReleaseDto })
  @ApiProblems(NOT_THERE, { 400: ['validation_failed'], 404: ['action_not_found'], 409: ['action_not_allowed', 'frozen'] }, 412)
  async act(
    @NameParam('ns') namespace: string,
    @NameParam('app') app: string,
    @NameParam('release') id: string,
    @Param('action') action: string,
    @Body() body: ReleaseActionDto,
    @Expected() ifMatch: IfMatch,
    @DryRun() dryRun: boolean,
    @PreferWait() waitMs: number,
    @FreezeOverride() freezeOverride: string | null,
    @CurrentPrincipal() { name: by }: Principal,
    @Res({ passthrough: true }) response: Response,
  ): Promise<ReleaseDto> {
    const known = requireAction(action);
    const extendMs = extensionOf(known, body);
    const request = { namespace, app, id, action: known, reason: body.reason ?? null, extendMs, by, ifMatch, dryRun, freezeOverride };
    return this.answer(await this.releases.act(request), response, dryRun ? null : waitMs);
  }

  private async answer(release: Release, response: Response, waitMs: number | null): Promise<ReleaseDto> {
    const { release: settled, propagation } = await this.waiter.settled(release, waitMs);
    response.setHeader('ETag', releaseEtag(settled));
    return toReleaseDto(settled, isTerminal(settled.state.status) && propagation === null ? undefined : (propagation ?? undefined));
  }
}

function requireAction(text: string): ReleaseAction {
  const action = RELEASE_ACTIONS.find((one) => one === text);
  if (action) return action;
  throw new DomainError('not_found', 'action_not_found', `A release has no ${text.slice(0, 64)}; it has ${RELEASE_ACTIONS.join(', ')}.`);
}

function extensionOf(action: ReleaseAction, { observe }: ReleaseActionDto): number | null {
  if (observe === undefined || observe === null) return null;
  if (action === 'extend') return parseDuration(observe);
  throw new DomainError('malformed', 'validation_failed', 'observe belongs to extend.', {
    errors: [{ path: 'observe', message: 'belongs to extend only' }],
  });
}

function parseCursor(key: string): ReleaseCursor {
  const match = /^(\d{1,15})\.([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/.exec(key);
  if (match) return { startedAtMs: Number(match[1]), id: match[2]! };
  throw new DomainError('malformed', 'invalid_cursor', 'The cursor must be the nextCursor of an earlier answer of this list.');
}
