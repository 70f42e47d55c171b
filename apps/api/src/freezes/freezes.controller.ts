import { Body, Controller, Delete, Get, HttpCode, Put, Res } from '@nestjs/common';
import { ApiCreatedResponse, ApiNoContentResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { CurrentPrincipal } from '../http/auth.guard.js';
import { Expected, type IfMatch } from '../http/etag.js';
import { NameParam } from '../http/names.js';
import { ApiIfMatch, ApiPage, ApiProblems } from '../http/openapi.js';
import { PageQuery, type PageRequest, paginate } from '../http/pagination.js';
import type { Principal } from '../http/request-context.js';
import { FreezeDto, FreezePageDto, PutFreezeDto, toFreezeContent, toFreezeDto } from './dto/freeze.dto.js';
import { FreezesService, freezeEtag } from './freezes.service.js';

@ApiTags('freezes')
@Controller('v1/namespaces/:ns/freezes')
export class FreezesController {
  constructor(private readonly freezes: FreezesService) {}

  @Get()
  @ApiOperation({ summary: 'List the freezes of a namespace, by name' })
  @ApiPage()
  @ApiOkResponse({ type: FreezePageDto })
  @ApiProblems({ 400: ['invalid_limit', 'invalid_cursor', 'invalid_name'], 404: ['namespace_not_found'] })
  async list(@NameParam('ns') namespace: string, @PageQuery() page: PageRequest): Promise<FreezePageDto> {
    const { items, nextCursor } = await paginate(
      page,
      (limit, after) => this.freezes.list(namespace, limit, after),
      ({ name }) => name,
    );
    return { items: items.map(toFreezeDto), nextCursor };
  }

  @Get(':freeze')
  @ApiOperation({ summary: 'Show a freeze' })
  @ApiOkResponse({ type: FreezeDto })
  @ApiProblems({ 400: ['invalid_name'], 404: ['namespace_not_found', 'freeze_not_found'] })
  async get(
    @NameParam('ns') namespace: string,
    @NameParam('freeze') name: string,
    @Res({ passthrough: true }) response: Response,
  ): Promise<FreezeDto> {
    const freeze = await this.freezes.get(namespace, name);
    response.setHeader('ETag', freezeEtag(freeze));
    return toFreezeDto(freeze);
  }

  @Put(':freeze')
  @ApiOperation({
    summary: 'Say when nothing new may come into the traffic of a namespace',
    description:
      'While it is open, other weights, another routing (but for limits), an alias that moves, the first start of a version, promotions into the namespace and starts of releases are 409 `frozen`. Zero, rollback, stop, more instances and the start of a version that has run here before always go.',
  })
  @ApiIfMatch()
  @ApiOkResponse({ type: FreezeDto, description: 'It was there.' })
  @ApiCreatedResponse({ type: FreezeDto, description: 'It is new.' })
  @ApiProblems({ 400: ['validation_failed', 'invalid_name'], 404: ['namespace_not_found'], 409: ['too_many_freezes'] }, 412)
  async put(
    @NameParam('ns') namespace: string,
    @NameParam('freeze') name: string,
    @Body() body: PutFreezeDto,
    @Expected() expected: IfMatch,
    @CurrentPrincipal() { name: by }: Principal,
    @Res({ passthrough: true }) response: Response,
  ): Promise<FreezeDto> {
    const { freeze, created } = await this.freezes.put(namespace, name, toFreezeContent(body), by, expected);
    response.status(created ? 201 : 200).setHeader('ETag', freezeEtag(freeze));
    return toFreezeDto(freeze);
  }

  @Delete(':freeze')
  @HttpCode(204)
  @ApiOperation({ summary: 'Delete a freeze; one that is open ends with it' })
  @ApiIfMatch()
  @ApiNoContentResponse()
  @ApiProblems({ 400: ['invalid_name'], 404: ['namespace_not_found', 'freeze_not_found'] }, 412)
  async delete(
    @NameParam('ns') namespace: string,
    @NameParam('freeze') name: string,
    @Expected() expected: IfMatch,
    @CurrentPrincipal() { name: by }: Principal,
  ): Promise<void> {
    await this.freezes.delete(namespace, name, by, expected);
  }
}
