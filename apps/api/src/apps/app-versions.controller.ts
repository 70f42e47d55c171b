import { applyDecorators, Body, Controller, Delete, Get, HttpCode, Post, Res } from '@nestjs/common';
import { ApiCreatedResponse, ApiHeader, ApiNoContentResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { CurrentPrincipal } from '../http/auth.guard.js';
import { Expected, type IfMatch } from '../http/etag.js';
import { ApiIdempotencyKey } from '../http/idempotency.js';
import { NameParam } from '../http/names.js';
import { ApiIfMatch, ApiPage, ApiProblems } from '../http/openapi.js';
import { NumberPageQuery, type PageRequest, paginate } from '../http/pagination.js';
import { ApiPreferWait, PreferWait } from '../http/prefer.js';
import type { Principal } from '../http/request-context.js';
import { Propagation } from '../publishing/propagation.js';
import { AppVersionsService, versionEtag } from './app-versions.service.js';
import { AppVersionDto, CreateAppVersionDto, toAppVersionDto } from './dto/app.dto.js';
import { AppVersionPageDto } from './dto/pages.dto.js';

const ApiAppIfMatch = () =>
  applyDecorators(
    ApiHeader({ name: 'If-Match', required: false, description: "Only if the app's ETag is one of these; `*`: only if there is the app." }),
    ApiHeader({ name: 'If-None-Match', required: false, description: '`*`: only if the app is new.' }),
  );

@ApiTags('app versions')
@Controller('v1/namespaces/:ns/apps/:app/versions')
export class AppVersionsController {
  constructor(
    private readonly versions: AppVersionsService,
    private readonly propagation: Propagation,
  ) {}

  @Post()
  @ApiOperation({ summary: "Make the app's next version from an artifact; makes the app if it is new" })
  @ApiIdempotencyKey()
  @ApiAppIfMatch()
  @ApiPreferWait()
  @ApiCreatedResponse({ type: AppVersionDto })
  @ApiProblems(
    { 400: ['validation_failed', 'invalid_name'], 404: ['namespace_not_found'], 409: ['too_many_versions'], 422: ['unknown_artifact'] },
    412,
  )
  async create(
    @NameParam('ns') namespace: string,
    @NameParam('app') app: string,
    @Body() body: CreateAppVersionDto,
    @CurrentPrincipal() principal: Principal,
    @Expected() expected: IfMatch,
    @PreferWait() waitMs: number,
    @Res({ passthrough: true }) response: Response,
  ): Promise<AppVersionDto> {
    const wanted = { artifact: body.artifact, config: body.config ?? {}, labels: body.labels ?? {} };
    const { version, routeRevision } = await this.versions.create(namespace, app, wanted, principal.name, expected);
    await this.propagation.waitFor({ routeRevision, namespace, app }, waitMs);
    response.setHeader('ETag', versionEtag(version, []));
    response.setHeader('Location', `/v1/namespaces/${namespace}/apps/${app}/versions/${version.version}`);
    return toAppVersionDto(version, []);
  }

  @Get()
  @ApiOperation({ summary: 'List the versions of an app, newest first' })
  @ApiPage()
  @ApiOkResponse({ type: AppVersionPageDto })
  @ApiProblems({ 400: ['invalid_limit', 'invalid_cursor', 'invalid_name'], 404: ['app_not_found'] })
  async list(
    @NameParam('ns') namespace: string,
    @NameParam('app') app: string,
    @NumberPageQuery() page: PageRequest<number>,
  ): Promise<AppVersionPageDto> {
    const { items, nextCursor } = await paginate(
      page,
      (limit, before) => this.versions.list(namespace, app, limit, before),
      ({ version }) => version,
    );
    return { items: items.map((version) => toAppVersionDto(version)), nextCursor };
  }

  @Get(':v')
  @ApiOperation({ summary: 'Show a version, by number or alias' })
  @ApiOkResponse({ type: AppVersionDto })
  @ApiProblems({ 400: ['invalid_name'], 404: ['app_not_found', 'version_not_found'] })
  async get(
    @NameParam('ns') namespace: string,
    @NameParam('app') app: string,
    @NameParam('v') v: string,
    @Res({ passthrough: true }) response: Response,
  ): Promise<AppVersionDto> {
    const { version, aliases } = await this.versions.get(namespace, app, v);
    response.setHeader('ETag', versionEtag(version, aliases));
    return toAppVersionDto(version, aliases);
  }

  @Delete(':v')
  @HttpCode(204)
  @ApiOperation({ summary: 'Delete a version of which nothing runs and that neither an alias nor a distribution names' })
  @ApiIfMatch()
  @ApiPreferWait()
  @ApiNoContentResponse()
  @ApiProblems({ 400: ['invalid_name'], 404: ['app_not_found', 'version_not_found'], 409: ['version_in_use'] }, 412)
  async delete(
    @NameParam('ns') namespace: string,
    @NameParam('app') app: string,
    @NameParam('v') v: string,
    @Expected() expected: IfMatch,
    @PreferWait() waitMs: number,
  ): Promise<void> {
    const routeRevision = await this.versions.delete(namespace, app, v, expected);
    await this.propagation.waitFor({ routeRevision, namespace, app }, waitMs);
  }
}
