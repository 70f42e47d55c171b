import { Body, Controller, Delete, Get, HttpCode, Put, Res } from '@nestjs/common';
import { ApiCreatedResponse, ApiNoContentResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { ApiFreezeOverride, FreezeOverride } from '../freezes/freeze-override.js';
import { CurrentPrincipal } from '../http/auth.guard.js';
import { Expected, type IfMatch } from '../http/etag.js';
import { NameParam } from '../http/names.js';
import { ApiIfMatch, ApiPage, ApiProblems } from '../http/openapi.js';
import { PageQuery, type PageRequest, paginate } from '../http/pagination.js';
import { ApiPreferWait, PreferWait } from '../http/prefer.js';
import type { Principal } from '../http/request-context.js';
import { AppsService, appEtag } from './apps.service.js';
import { AppDto, PutAppDto, toAppDto } from './dto/app.dto.js';
import { AppPageDto } from './dto/pages.dto.js';
import { readRouting } from './dto/read-routing.js';

@ApiTags('apps')
@Controller('v1/namespaces/:ns/apps')
export class AppsController {
  constructor(private readonly apps: AppsService) {}

  @Get()
  @ApiOperation({ summary: 'List the apps of a namespace, by name' })
  @ApiPage()
  @ApiOkResponse({ type: AppPageDto })
  @ApiProblems({ 400: ['invalid_limit', 'invalid_cursor', 'invalid_name'], 404: ['namespace_not_found'] })
  async list(@NameParam('ns') namespace: string, @PageQuery() page: PageRequest): Promise<AppPageDto> {
    const { items, nextCursor } = await paginate(
      page,
      (limit, after) => this.apps.list(namespace, limit, after),
      ({ name }) => name,
    );
    return { items: items.map(toAppDto), nextCursor };
  }

  @Get(':app')
  @ApiOperation({ summary: 'Show an app' })
  @ApiOkResponse({ type: AppDto })
  @ApiProblems({ 400: ['invalid_name'], 404: ['app_not_found', 'namespace_not_found'] })
  async get(
    @NameParam('ns') namespace: string,
    @NameParam('app') name: string,
    @Res({ passthrough: true }) response: Response,
  ): Promise<AppDto> {
    const app = await this.apps.get(namespace, name);
    response.setHeader('ETag', appEtag(app));
    return toAppDto(app);
  }

  @Put(':app')
  @ApiOperation({ summary: 'Make an app, or replace its settings' })
  @ApiIfMatch()
  @ApiPreferWait()
  @ApiFreezeOverride()
  @ApiOkResponse({ type: AppDto, description: 'It was there.' })
  @ApiCreatedResponse({ type: AppDto, description: 'It is new.' })
  @ApiProblems({ 400: ['validation_failed', 'invalid_name'], 404: ['namespace_not_found'], 409: ['frozen'], 422: ['unknown_version'] }, 412)
  async put(
    @NameParam('ns') namespace: string,
    @NameParam('app') name: string,
    @Body() body: PutAppDto,
    @Expected() expected: IfMatch,
    @PreferWait() waitMs: number,
    @FreezeOverride() override: string | null,
    @CurrentPrincipal() { name: by }: Principal,
    @Res({ passthrough: true }) response: Response,
  ): Promise<AppDto> {
    const wanted = { description: body.description ?? null, routing: readRouting(body.routing) };
    const { app, created } = await this.apps.put(namespace, name, wanted, expected, waitMs, { by, override });
    response.status(created ? 201 : 200).setHeader('ETag', appEtag(app));
    return toAppDto(app);
  }

  @Delete(':app')
  @HttpCode(204)
  @ApiOperation({ summary: 'Delete an app that has no versions' })
  @ApiIfMatch()
  @ApiPreferWait()
  @ApiNoContentResponse()
  @ApiProblems({ 400: ['invalid_name'], 404: ['app_not_found'], 409: ['app_in_use'] }, 412)
  async delete(
    @NameParam('ns') namespace: string,
    @NameParam('app') name: string,
    @Expected() expected: IfMatch,
    @PreferWait() waitMs: number,
  ): Promise<void> {
    await this.apps.delete(namespace, name, expected, waitMs);
  }
}
