import { Body, Controller, Delete, Get, HttpCode, Param, Put, Res } from '@nestjs/common';
import { ApiCreatedResponse, ApiNoContentResponse, ApiOkResponse, ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { Expected, type IfMatch } from '../http/etag.js';
import { NameParam } from '../http/names.js';
import { ApiIfMatch, ApiPage, ApiProblems } from '../http/openapi.js';
import { PageQuery, type PageRequest, paginate } from '../http/pagination.js';
import { ArtifactsService, artifactEtag, requireSemver } from './artifacts.service.js';
import {
  ArtifactPageDto,
  ArtifactVersionDto,
  ArtifactVersionPageDto,
  PutArtifactDto,
  toArtifactVersionDto,
  toContent,
} from './dto/artifact.dto.js';

/** Parameter decorator: an artifact's version; 400 invalid_version. */
export const SemverParam = () => Param('semver', { transform: requireSemver });

@ApiTags('artifacts')
@ApiParam({ name: 'ns', example: 'default' })
@Controller('v1/namespaces/:ns/artifacts')
export class ArtifactsController {
  constructor(private readonly artifacts: ArtifactsService) {}

  @Get()
  @ApiOperation({ summary: 'List the artifacts of a namespace, by name' })
  @ApiPage()
  @ApiOkResponse({ type: ArtifactPageDto })
  @ApiProblems({ 400: ['invalid_limit', 'invalid_cursor', 'invalid_name'], 404: ['namespace_not_found'] })
  list(@NameParam('ns') namespace: string, @PageQuery() page: PageRequest): Promise<ArtifactPageDto> {
    return paginate(
      page,
      (limit, after) => this.artifacts.names(namespace, limit, after),
      ({ name }) => name,
    );
  }

  @Get(':artifact/versions')
  @ApiOperation({ summary: 'List the versions of an artifact, in the order of their text' })
  @ApiPage()
  @ApiOkResponse({ type: ArtifactVersionPageDto })
  @ApiProblems({ 400: ['invalid_limit', 'invalid_cursor', 'invalid_name'], 404: ['artifact_not_found', 'namespace_not_found'] })
  async versions(
    @NameParam('ns') namespace: string,
    @NameParam('artifact') name: string,
    @PageQuery() page: PageRequest,
  ): Promise<ArtifactVersionPageDto> {
    const { items, nextCursor } = await paginate(
      page,
      (limit, after) => this.artifacts.list(namespace, name, limit, after),
      ({ version }) => version,
      ({ programBytes }) => programBytes,
    );
    return { items: items.map(toArtifactVersionDto), nextCursor };
  }

  @Get(':artifact/versions/:semver')
  @ApiOperation({ summary: 'Show a version of an artifact' })
  @ApiOkResponse({ type: ArtifactVersionDto })
  @ApiProblems({ 400: ['invalid_name', 'invalid_version'], 404: ['artifact_not_found'] })
  async get(
    @NameParam('ns') namespace: string,
    @NameParam('artifact') name: string,
    @SemverParam() version: string,
    @Res({ passthrough: true }) response: Response,
  ): Promise<ArtifactVersionDto> {
    const found = await this.artifacts.get(namespace, name, version);
    response.setHeader('ETag', artifactEtag(found));
    return toArtifactVersionDto(found);
  }

  @Put(':artifact/versions/:semver')
  @ApiOperation({ summary: 'Make a version of an artifact; it never changes afterwards' })
  @ApiIfMatch()
  @ApiCreatedResponse({ type: ArtifactVersionDto, description: 'It is new.' })
  @ApiOkResponse({ type: ArtifactVersionDto, description: 'The same was there.' })
  @ApiProblems(
    { 400: ['validation_failed', 'invalid_name', 'invalid_version'], 404: ['namespace_not_found'], 409: ['artifact_exists'] },
    412,
  )
  async put(
    @NameParam('ns') namespace: string,
    @NameParam('artifact') name: string,
    @SemverParam() version: string,
    @Body() body: PutArtifactDto,
    @Expected() ifMatch: IfMatch,
    @Res({ passthrough: true }) response: Response,
  ): Promise<ArtifactVersionDto> {
    const { artifact, created } = await this.artifacts.put(namespace, name, version, toContent(body), ifMatch);
    response.status(created ? 201 : 200).setHeader('ETag', artifactEtag(artifact));
    return toArtifactVersionDto(artifact);
  }

  @Delete(':artifact/versions/:semver')
  @HttpCode(204)
  @ApiOperation({ summary: 'Delete a version that no app version is made from, with its bundle' })
  @ApiIfMatch()
  @ApiNoContentResponse()
  @ApiProblems({ 400: ['invalid_name', 'invalid_version'], 404: ['artifact_not_found'], 409: ['artifact_in_use'] }, 412)
  async delete(
    @NameParam('ns') namespace: string,
    @NameParam('artifact') name: string,
    @SemverParam() version: string,
    @Expected() ifMatch: IfMatch,
  ): Promise<void> {
    await this.artifacts.delete(namespace, name, version, ifMatch);
  }
}
