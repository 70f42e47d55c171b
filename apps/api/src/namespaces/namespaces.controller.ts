import { Body, Controller, Delete, Get, HttpCode, Put, Res } from '@nestjs/common';
import { ApiCreatedResponse, ApiNoContentResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { CurrentPrincipal } from '../http/auth.guard.js';
import { Expected, type IfMatch } from '../http/etag.js';
import { NameParam } from '../http/names.js';
import { ApiIfMatch, ApiPage, ApiProblems } from '../http/openapi.js';
import { PageQuery, type PageRequest, paginate } from '../http/pagination.js';
import type { Principal } from '../http/request-context.js';
import { NamespaceDto, NamespacePageDto, toNamespaceDto } from './dto/namespace.dto.js';
import { PutNamespaceDto, toWantedNamespace } from './dto/put-namespace.dto.js';
import { NamespacesService, namespaceEtag } from './namespaces.service.js';

@ApiTags('namespaces')
@Controller('v1/namespaces')
export class NamespacesController {
  constructor(private readonly namespaces: NamespacesService) {}

  @Get()
  @ApiOperation({ summary: 'List the namespaces, by name' })
  @ApiPage()
  @ApiOkResponse({ type: NamespacePageDto })
  @ApiProblems({ 400: ['invalid_limit', 'invalid_cursor'] })
  async list(@PageQuery() page: PageRequest): Promise<NamespacePageDto> {
    const { items, nextCursor } = await paginate(
      page,
      (limit, after) => this.namespaces.list(limit, after),
      ({ name }) => name,
    );
    return { items: items.map(toNamespaceDto), nextCursor };
  }

  @Get(':ns')
  @ApiOperation({ summary: 'Show a namespace' })
  @ApiOkResponse({ type: NamespaceDto })
  @ApiProblems({ 400: ['invalid_name'], 404: ['namespace_not_found'] })
  async get(@NameParam('ns') name: string, @Res({ passthrough: true }) response: Response): Promise<NamespaceDto> {
    const namespace = await this.namespaces.get(name);
    response.setHeader('ETag', namespaceEtag(namespace));
    return toNamespaceDto(namespace);
  }

  @Put(':ns')
  @ApiOperation({ summary: 'Make a namespace, or replace all that it says: what is left out is off' })
  @ApiIfMatch()
  @ApiOkResponse({ type: NamespaceDto, description: 'It was there.' })
  @ApiCreatedResponse({ type: NamespaceDto, description: 'It is new.' })
  @ApiProblems({ 400: ['validation_failed', 'invalid_name'], 422: ['unknown_secret'] }, 412)
  async put(
    @NameParam('ns') name: string,
    @Body() body: PutNamespaceDto,
    @Expected() expected: IfMatch,
    @CurrentPrincipal() { name: by }: Principal,
    @Res({ passthrough: true }) response: Response,
  ): Promise<NamespaceDto> {
    const { namespace, created } = await this.namespaces.put(name, toWantedNamespace(body), by, expected);
    response.status(created ? 201 : 200).setHeader('ETag', namespaceEtag(namespace));
    return toNamespaceDto(namespace);
  }

  @Delete(':ns')
  @HttpCode(204)
  @ApiOperation({ summary: 'Delete an empty namespace' })
  @ApiIfMatch()
  @ApiNoContentResponse()
  @ApiProblems({ 400: ['invalid_name'], 404: ['namespace_not_found'], 409: ['namespace_in_use', 'namespace_reserved'] }, 412)
  async delete(@NameParam('ns') name: string, @Expected() expected: IfMatch, @CurrentPrincipal() { name: by }: Principal): Promise<void> {
    await this.namespaces.delete(name, by, expected);
  }
}
