import { parseWeights, type Weights } from '@app-fabric/routing';
import { Body, Controller, createParamDecorator, Delete, type ExecutionContext, Get, HttpCode, Post, Put, Res } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { ApiFreezeOverride, FreezeOverride } from '../freezes/freeze-override.js';
import { CurrentPrincipal } from '../http/auth.guard.js';
import { DomainError } from '../http/domain-error.js';
import { ApiDryRun, DryRun } from '../http/dry-run.js';
import { Expected, type IfMatch } from '../http/etag.js';
import { ApiIdempotencyKey } from '../http/idempotency.js';
import { requireName } from '../http/names.js';
import { ApiIfMatch, ApiPage, ApiProblems } from '../http/openapi.js';
import { NumberPageQuery, type PageRequest, paginate } from '../http/pagination.js';
import { ApiPreferWait, PreferWait } from '../http/prefer.js';
import type { Principal } from '../http/request-context.js';
import type { DistributionScope } from './distribution.js';
import { DistributionService, type DistributionState, distributionEtag } from './distribution.service.js';
import {
  DistributionDto,
  DistributionPageDto,
  PutDistributionDto,
  RollbackDto,
  toDistributionDto,
  toRevisionDto,
  ZeroDto,
} from './dto/distribution.dto.js';

/** The scope that the path names: the app, or one service of it. */
const Scope = createParamDecorator((_: unknown, context: ExecutionContext): DistributionScope => {
  const { ns, app, svc } = context.switchToHttp().getRequest<Request<Record<string, string>>>().params;
  return { namespace: requireName('ns', ns), app: requireName('app', app), service: svc === undefined ? '' : requireName('svc', svc) };
});

const NOT_THERE = { 400: ['validation_failed', 'invalid_name'], 404: ['app_not_found', 'service_not_found'] };

/** The same calls for an app's own distribution and for a service's override. */
abstract class DistributionRoutes {
  constructor(private readonly distributions: DistributionService) {}

  @Get()
  @ApiOperation({ summary: 'Show the weights, what services really follow, and which proxies have it' })
  @ApiOkResponse({ type: DistributionDto })
  @ApiProblems(NOT_THERE)
  async get(@Scope() scope: DistributionScope, @Res({ passthrough: true }) response: Response): Promise<DistributionDto> {
    return answer(await this.distributions.get(scope), response);
  }

  @Put()
  @ApiOperation({ summary: 'Replace the weights (the whole map)' })
  @ApiIfMatch()
  @ApiDryRun()
  @ApiPreferWait()
  @ApiFreezeOverride()
  @ApiOkResponse({ type: DistributionDto })
  @ApiProblems(NOT_THERE, { 409: ['version_not_running', 'frozen'], 422: ['unknown_version'] }, 412)
  async put(
    @Scope() scope: DistributionScope,
    @Body() body: PutDistributionDto,
    @Expected() ifMatch: IfMatch,
    @DryRun() dryRun: boolean,
    @PreferWait() waitMs: number,
    @CurrentPrincipal() { name: by }: Principal,
    @FreezeOverride() freezeOverride: string | null,
    @Res({ passthrough: true }) response: Response,
  ): Promise<DistributionDto> {
    const weights = requireWeights(body.weights, 'weights');
    const request = { by, reason: body.reason ?? null, ifMatch, dryRun, waitMs, freezeOverride };
    return answer(await this.distributions.put(scope, weights, request), response);
  }

  @Delete()
  @ApiOperation({ summary: "Remove the distribution: the fallback is in force then, or the app's distribution for a service" })
  @ApiIfMatch()
  @ApiDryRun()
  @ApiPreferWait()
  @ApiFreezeOverride()
  @ApiOkResponse({ type: DistributionDto })
  @ApiProblems(NOT_THERE, { 409: ['frozen'] }, 412)
  async remove(
    @Scope() scope: DistributionScope,
    @Expected() ifMatch: IfMatch,
    @DryRun() dryRun: boolean,
    @PreferWait() waitMs: number,
    @CurrentPrincipal() { name: by }: Principal,
    @FreezeOverride() freezeOverride: string | null,
    @Res({ passthrough: true }) response: Response,
  ): Promise<DistributionDto> {
    return answer(await this.distributions.remove(scope, { by, reason: null, ifMatch, dryRun, waitMs, freezeOverride }), response);
  }

  @Get('history')
  @ApiOperation({ summary: 'List all revisions, newest first: who changed what, and why' })
  @ApiPage()
  @ApiOkResponse({ type: DistributionPageDto })
  @ApiProblems(NOT_THERE, { 400: ['invalid_limit', 'invalid_cursor'] })
  async history(@Scope() scope: DistributionScope, @NumberPageQuery() page: PageRequest<number>): Promise<DistributionPageDto> {
    const { items, nextCursor } = await paginate(
      page,
      (limit, before) => this.distributions.history(scope, limit, before),
      ({ revision }) => revision,
    );
    return { items: items.map((revision) => toRevisionDto(scope, revision)), nextCursor };
  }

  @Post('rollback')
  @HttpCode(200)
  @ApiOperation({ summary: 'Put the weights of the revision before (or of `toRevision`) back, as a new revision' })
  @ApiIdempotencyKey()
  @ApiIfMatch()
  @ApiDryRun()
  @ApiPreferWait()
  @ApiOkResponse({ type: DistributionDto })
  @ApiProblems(NOT_THERE, { 409: ['nothing_to_roll_back', 'version_not_running'], 422: ['unknown_revision', 'unknown_version'] }, 412)
  async rollback(
    @Scope() scope: DistributionScope,
    @Body() body: RollbackDto,
    @Expected() ifMatch: IfMatch,
    @DryRun() dryRun: boolean,
    @PreferWait() waitMs: number,
    @CurrentPrincipal() { name: by }: Principal,
    @Res({ passthrough: true }) response: Response,
  ): Promise<DistributionDto> {
    const request = { by, reason: body.reason ?? null, ifMatch, dryRun, waitMs };
    return answer(await this.distributions.rollback(scope, body.toRevision ?? null, request), response);
  }

  @Post('zero')
  @HttpCode(200)
  @ApiOperation({ summary: 'Give a version 0 % and its share to the other running versions in proportion; it goes on running' })
  @ApiIdempotencyKey()
  @ApiIfMatch()
  @ApiDryRun()
  @ApiPreferWait()
  @ApiOkResponse({ type: DistributionDto })
  @ApiProblems(NOT_THERE, { 409: ['no_weight_to_take_over'], 422: ['unknown_version'] }, 412)
  async zero(
    @Scope() scope: DistributionScope,
    @Body() body: ZeroDto,
    @Expected() ifMatch: IfMatch,
    @DryRun() dryRun: boolean,
    @PreferWait() waitMs: number,
    @CurrentPrincipal() { name: by }: Principal,
    @Res({ passthrough: true }) response: Response,
  ): Promise<DistributionDto> {
    return answer(
      await this.distributions.zero(scope, body.version, { by, reason: body.reason ?? null, ifMatch, dryRun, waitMs }),
      response,
    );
  }
}

@ApiTags('distribution')
@ApiParam({ name: 'ns', example: 'default' })
@ApiParam({ name: 'app', example: 'shop' })
@Controller('v1/namespaces/:ns/apps/:app/distribution')
export class AppDistributionController extends DistributionRoutes {
  constructor(distributions: DistributionService) {
    super(distributions);
  }
}

@ApiTags('distribution')
@ApiParam({ name: 'ns', example: 'default' })
@ApiParam({ name: 'app', example: 'shop' })
@ApiParam({ name: 'svc', example: 'cart' })
@Controller('v1/namespaces/:ns/apps/:app/services/:svc/distribution')
export class ServiceDistributionController extends DistributionRoutes {
  constructor(distributions: DistributionService) {
    super(distributions);
  }
}

/** The weights of a body, in basis points; 400 invalid_weights that says what is wrong, entry by entry. */
export function requireWeights(input: unknown, field: string): Weights {
  const parsed = parseWeights(input);
  if (parsed.ok) return parsed.weights;
  const errors = parsed.errors.map(({ path, message }) => ({ path: path.replace(/^weights/, field), message }));
  const [first] = errors;
  throw new DomainError('malformed', 'invalid_weights', first ? `${first.path}: ${first.message}.` : 'These are not weights.', { errors });
}

function answer(state: DistributionState, response: Response): DistributionDto {
  response.setHeader('ETag', distributionEtag(state.revision));
  return toDistributionDto(state);
}
