import { Body, Controller, Delete, Get, HttpCode, Put, Res } from '@nestjs/common';
import { ApiCreatedResponse, ApiNoContentResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { CurrentPrincipal } from '../http/auth.guard.js';
import { Expected, type IfMatch } from '../http/etag.js';
import { NameParam } from '../http/names.js';
import { ApiIfMatch, ApiPage, ApiProblems } from '../http/openapi.js';
import { PageQuery, type PageRequest, paginate } from '../http/pagination.js';
import type { Principal } from '../http/request-context.js';
import { PipelineDto, PipelinePageDto, PutPipelineDto, toPipelineContent, toPipelineDto } from './dto/pipeline.dto.js';
import { PipelinesService, pipelineEtag } from './pipelines.service.js';

@ApiTags('pipelines')
@Controller('v1/pipelines')
export class PipelinesController {
  constructor(private readonly pipelines: PipelinesService) {}

  @Get()
  @ApiOperation({ summary: 'List the pipelines, by name' })
  @ApiPage()
  @ApiOkResponse({ type: PipelinePageDto })
  @ApiProblems({ 400: ['invalid_limit', 'invalid_cursor'] })
  async list(@PageQuery() page: PageRequest): Promise<PipelinePageDto> {
    const { items, nextCursor } = await paginate(
      page,
      (limit, after) => this.pipelines.list(limit, after),
      ({ name }) => name,
    );
    return { items: items.map(toPipelineDto), nextCursor };
  }

  @Get(':pipeline')
  @ApiOperation({ summary: 'Show a pipeline' })
  @ApiOkResponse({ type: PipelineDto })
  @ApiProblems({ 400: ['invalid_name'], 404: ['pipeline_not_found'] })
  async get(@NameParam('pipeline') name: string, @Res({ passthrough: true }) response: Response): Promise<PipelineDto> {
    const pipeline = await this.pipelines.get(name);
    response.setHeader('ETag', pipelineEtag(pipeline));
    return toPipelineDto(pipeline);
  }

  @Put(':pipeline')
  @ApiOperation({
    summary: 'Say through which namespaces versions move, and what they must have shown in each; replaces the former stages',
  })
  @ApiIfMatch()
  @ApiOkResponse({ type: PipelineDto, description: 'It was there.' })
  @ApiCreatedResponse({ type: PipelineDto, description: 'It is new.' })
  @ApiProblems({ 400: ['validation_failed', 'invalid_name'], 409: ['too_many_pipelines'] }, 412)
  async put(
    @NameParam('pipeline') name: string,
    @Body() body: PutPipelineDto,
    @Expected() expected: IfMatch,
    @CurrentPrincipal() { name: by }: Principal,
    @Res({ passthrough: true }) response: Response,
  ): Promise<PipelineDto> {
    const { pipeline, created } = await this.pipelines.put(name, toPipelineContent(body), by, expected);
    response.status(created ? 201 : 200).setHeader('ETag', pipelineEtag(pipeline));
    return toPipelineDto(pipeline);
  }

  @Delete(':pipeline')
  @HttpCode(204)
  @ApiOperation({ summary: 'Delete a pipeline; what was promoted by it stays' })
  @ApiIfMatch()
  @ApiNoContentResponse()
  @ApiProblems({ 400: ['invalid_name'], 404: ['pipeline_not_found'], 409: ['pipeline_reserved'] }, 412)
  async delete(
    @NameParam('pipeline') name: string,
    @Expected() expected: IfMatch,
    @CurrentPrincipal() { name: by }: Principal,
  ): Promise<void> {
    await this.pipelines.delete(name, by, expected);
  }
}
