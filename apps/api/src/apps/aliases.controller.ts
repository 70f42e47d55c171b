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
import { AliasesService, aliasEtag } from './aliases.service.js';
import { AliasDto, PutAliasDto, toAliasDto } from './dto/app.dto.js';
import { AliasPageDto } from './dto/pages.dto.js';

@ApiTags('aliases')
@Controller('v1/namespaces/:ns/apps/:app/aliases')
export class AliasesController {
  constructor(private readonly aliases: AliasesService) {}

  @Get()
  @ApiOperation({ summary: 'List the aliases of an app, by name' })
  @ApiPage()
  @ApiOkResponse({ type: AliasPageDto })
  @ApiProblems({ 400: ['invalid_limit', 'invalid_cursor', 'invalid_name'], 404: ['app_not_found'] })
  async list(@NameParam('ns') namespace: string, @NameParam('app') app: string, @PageQuery() page: PageRequest): Promise<AliasPageDto> {
    const { items, nextCursor } = await paginate(
      page,
      (limit, after) => this.aliases.list(namespace, app, limit, after),
      ({ alias }) => alias,
    );
    return { items: items.map(toAliasDto), nextCursor };
  }

  @Get(':alias')
  @ApiOperation({ summary: 'Show which version an alias names' })
  @ApiOkResponse({ type: AliasDto })
  @ApiProblems({ 400: ['invalid_name'], 404: ['app_not_found', 'alias_not_found'] })
  async get(
    @NameParam('ns') namespace: string,
    @NameParam('app') app: string,
    @NameParam('alias') name: string,
    @Res({ passthrough: true }) response: Response,
  ): Promise<AliasDto> {
    const alias = await this.aliases.get(namespace, app, name);
    response.setHeader('ETag', aliasEtag(alias));
    return toAliasDto(alias);
  }

  @Put(':alias')
  @ApiOperation({ summary: 'Let an alias name a version; `latest` and numbers are reserved' })
  @ApiIfMatch()
  @ApiPreferWait()
  @ApiFreezeOverride()
  @ApiOkResponse({ type: AliasDto, description: 'It was there.' })
  @ApiCreatedResponse({ type: AliasDto, description: 'It is new.' })
  @ApiProblems(
    {
      400: ['validation_failed', 'invalid_name'],
      404: ['app_not_found'],
      409: ['alias_reserved', 'too_many_aliases', 'frozen'],
      422: ['unknown_version'],
    },
    412,
  )
  async put(
    @NameParam('ns') namespace: string,
    @NameParam('app') app: string,
    @NameParam('alias') name: string,
    @Body() body: PutAliasDto,
    @Expected() expected: IfMatch,
    @PreferWait() waitMs: number,
    @FreezeOverride() override: string | null,
    @CurrentPrincipal() { name: by }: Principal,
    @Res({ passthrough: true }) response: Response,
  ): Promise<AliasDto> {
    const { alias, created } = await this.aliases.put(namespace, app, name, body.version, expected, waitMs, { by, override });
    response.status(created ? 201 : 200).setHeader('ETag', aliasEtag(alias));
    return toAliasDto(alias);
  }

  @Delete(':alias')
  @HttpCode(204)
  @ApiOperation({ summary: 'Delete an alias' })
  @ApiIfMatch()
  @ApiPreferWait()
  @ApiNoContentResponse()
  @ApiProblems({ 400: ['invalid_name'], 404: ['app_not_found', 'alias_not_found'] }, 412)
  async delete(
    @NameParam('ns') namespace: string,
    @NameParam('app') app: string,
    @NameParam('alias') name: string,
    @Expected() expected: IfMatch,
    @PreferWait() waitMs: number,
  ): Promise<void> {
    await this.aliases.delete(namespace, app, name, expected, waitMs);
  }
}
