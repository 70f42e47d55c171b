import { Body, Controller, Get, HttpCode, Post, Put, Res } from '@nestjs/common';
import { ApiAcceptedResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { requireWeights } from '../distribution/distribution.controller.js';
import { ApiFreezeOverride, FreezeOverride } from '../freezes/freeze-override.js';
import { CurrentPrincipal } from '../http/auth.guard.js';
import { ApiDryRun, DryRun } from '../http/dry-run.js';
import { Expected, type IfMatch } from '../http/etag.js';
import { ApiIdempotencyKey } from '../http/idempotency.js';
import { NameParam } from '../http/names.js';
import { ApiIfMatch, ApiPage, ApiProblems } from '../http/openapi.js';
import { PageQuery, type PageRequest, paginate } from '../http/pagination.js';
import { ApiPreferWait, PreferWait } from '../http/prefer.js';
import type { Principal } from '../http/request-context.js';
import {
  InstancesDto,
  ProgramListDto,
  RunDto,
  RunListDto,
  RunPageDto,
  StartDto,
  StartVersionDto,
  StopDto,
  StopVersionDto,
  toProgramDto,
  toRunDto,
} from './dto/program.dto.js';
import { LifecycleService, runEtag, type StopOptions, type VersionPath } from './lifecycle.service.js';
import { ApiVersionPath, ProgramPath, type ProgramPathParts, VersionParams } from './program-path.js';
import { ProgramsService, parseRunCursor, runCursor } from './programs.service.js';
import { PROGRAM_TYPES } from './run.js';
import { RunWaiter } from './run-waiter.js';

const DEFAULT_DRAIN_SECONDS = 30;
const NOT_THERE = { 400: ['invalid_name'], 404: ['version_not_found', 'service_not_found', 'worker_not_found', 'flow_not_found'] };

@ApiTags('programs')
@ApiVersionPath()
@Controller('v1/namespaces/:ns/apps/:app/versions/:v')
export class ProgramsController {
  constructor(
    private readonly programs: ProgramsService,
    private readonly lifecycle: LifecycleService,
    private readonly waiter: RunWaiter,
  ) {}

  @Get('programs')
  @ApiOperation({ summary: 'List the programs of a version, with the state of their last runs' })
  @ApiOkResponse({ type: ProgramListDto })
  @ApiProblems(NOT_THERE)
  async list(@VersionParams() { namespace, app, version }: VersionPath): Promise<ProgramListDto> {
    return { items: (await this.programs.list(namespace, app, version)).map(toProgramDto), nextCursor: null };
  }

  @Post('start')
  @HttpCode(202)
  @ApiOperation({ summary: 'Start all programs of a version that do not run yet; all of them or none' })
  @ApiIdempotencyKey()
  @ApiIfMatch()
  @ApiPreferWait()
  @ApiFreezeOverride()
  @ApiAcceptedResponse({ type: RunListDto })
  @ApiProblems(
    NOT_THERE,
    {
      400: ['validation_failed'],
      409: ['already_running', 'running_in_other_version', 'bundle_missing', 'no_host', 'nothing_to_start', 'frozen'],
    },
    412,
  )
  async startAll(
    @VersionParams() path: VersionPath,
    @Body() body: StartVersionDto,
    @Expected() ifMatch: IfMatch,
    @PreferWait() waitMs: number,
    @CurrentPrincipal() { name: by }: Principal,
    @FreezeOverride() freezeOverride: string | null,
  ): Promise<RunListDto> {
    const runs = await this.lifecycle.startAll(path, body.types ?? PROGRAM_TYPES, ifMatch, { by, freezeOverride });
    return this.waiter.listAnswer(runs, waitMs);
  }

  @Post('stop')
  @HttpCode(202)
  @ApiOperation({ summary: 'Stop all programs of a version; its share of the traffic goes to the other running versions' })
  @ApiIdempotencyKey()
  @ApiIfMatch()
  @ApiDryRun()
  @ApiPreferWait()
  @ApiAcceptedResponse({ type: RunListDto })
  @ApiProblems(
    NOT_THERE,
    {
      400: ['validation_failed', 'invalid_weights'],
      409: ['not_running', 'no_weight_to_take_over', 'version_not_running'],
      422: ['unknown_version'],
    },
    412,
  )
  async stopAll(
    @VersionParams() path: VersionPath,
    @Body() body: StopVersionDto,
    @Expected() ifMatch: IfMatch,
    @DryRun() dryRun: boolean,
    @PreferWait() waitMs: number,
    @CurrentPrincipal() { name: by }: Principal,
  ): Promise<RunListDto> {
    const stopped = await this.lifecycle.stopAll(path, body.types ?? PROGRAM_TYPES, stopOptions(body, ifMatch, by, dryRun));
    return this.waiter.listAnswer(stopped.runs, dryRun ? null : waitMs, stopped.distributions);
  }

  @Post(':kind/:name/start')
  @HttpCode(202)
  @ApiOperation({ summary: 'Start a program. A service that newly runs has 0 % unless it is the first' })
  @ApiIdempotencyKey()
  @ApiIfMatch()
  @ApiPreferWait()
  @ApiFreezeOverride()
  @ApiAcceptedResponse({ type: RunDto })
  @ApiProblems(
    NOT_THERE,
    { 400: ['validation_failed'], 409: ['already_running', 'running_in_other_version', 'bundle_missing', 'no_host', 'frozen'] },
    412,
  )
  async start(
    @ProgramPath() { path, type, name }: ProgramPathParts,
    @Body() body: StartDto,
    @Expected() ifMatch: IfMatch,
    @PreferWait() waitMs: number,
    @CurrentPrincipal() { name: by }: Principal,
    @FreezeOverride() freezeOverride: string | null,
  ): Promise<RunDto> {
    const run = await this.lifecycle.start(path, type, name, body.instances ?? null, ifMatch, { by, freezeOverride });
    return this.waiter.answer(run, waitMs);
  }

  @Post(':kind/:name/stop')
  @HttpCode(202)
  @ApiOperation({ summary: 'Stop a program: weights move, proxies apply it, requests in flight end, then SIGTERM' })
  @ApiIdempotencyKey()
  @ApiIfMatch()
  @ApiDryRun()
  @ApiPreferWait()
  @ApiAcceptedResponse({ type: RunDto })
  @ApiProblems(
    NOT_THERE,
    {
      400: ['validation_failed', 'invalid_weights'],
      409: ['not_running', 'no_weight_to_take_over', 'version_not_running'],
      422: ['unknown_version'],
    },
    412,
  )
  async stop(
    @ProgramPath() { path, type, name }: ProgramPathParts,
    @Body() body: StopDto,
    @Expected() ifMatch: IfMatch,
    @DryRun() dryRun: boolean,
    @PreferWait() waitMs: number,
    @CurrentPrincipal() { name: by }: Principal,
  ): Promise<RunDto> {
    const { runs, distributions } = await this.lifecycle.stop(path, type, name, stopOptions(body, ifMatch, by, dryRun));
    return this.waiter.answer(runs[0]!, dryRun ? null : waitMs, distributions);
  }

  @Put(':kind/:name/instances')
  @ApiOperation({ summary: 'Say how many instances there should be' })
  @ApiIfMatch()
  @ApiPreferWait()
  @ApiOkResponse({ type: RunDto })
  @ApiProblems(NOT_THERE, { 400: ['validation_failed'], 409: ['not_running', 'instances_external'] }, 412)
  async scale(
    @ProgramPath() { path, type, name }: ProgramPathParts,
    @Body() body: InstancesDto,
    @Expected() ifMatch: IfMatch,
    @PreferWait() waitMs: number,
    @Res({ passthrough: true }) response: Response,
  ): Promise<RunDto> {
    const run = await this.lifecycle.scale(path, type, name, body.count, ifMatch);
    response.setHeader('ETag', runEtag(run));
    return this.waiter.answer(run, waitMs);
  }

  @Get(':kind/:name/runs')
  @ApiOperation({ summary: 'List the runs of a program, newest first' })
  @ApiPage()
  @ApiOkResponse({ type: RunPageDto })
  @ApiProblems(NOT_THERE, { 400: ['invalid_limit', 'invalid_cursor'] })
  async runs(@ProgramPath() { path, type, name }: ProgramPathParts, @PageQuery() page: PageRequest): Promise<RunPageDto> {
    const { items, nextCursor } = await paginate(
      page,
      (limit, after) => this.programs.runList({ ...path, type, name }, limit, after === null ? null : parseRunCursor(after)),
      ({ run }) => runCursor(run),
    );
    return { items: items.map((details) => toRunDto(details)), nextCursor };
  }

  @Get(':kind/:name/runs/:run')
  @ApiOperation({ summary: 'Show a run' })
  @ApiOkResponse({ type: RunDto })
  @ApiProblems(NOT_THERE, { 404: ['run_not_found'] })
  async run(
    @ProgramPath() { path, type, name }: ProgramPathParts,
    @NameParam('run') runId: string,
    @Res({ passthrough: true }) response: Response,
  ): Promise<RunDto> {
    const details = await this.programs.getRun({ ...path, type, name }, runId);
    response.setHeader('ETag', runEtag(details.run));
    return this.waiter.answer(details.run, 0);
  }
}

function stopOptions(body: StopDto, ifMatch: IfMatch, by: string, dryRun: boolean): StopOptions {
  return {
    drainSeconds: body.drainSeconds ?? DEFAULT_DRAIN_SECONDS,
    reallocate: body.reallocate === undefined || body.reallocate === null ? null : requireWeights(body.reallocate, 'reallocate'),
    ifMatch,
    by,
    dryRun,
  };
}
