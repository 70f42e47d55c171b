import { Body, Controller, Delete, Get, HttpCode, Put, Res } from '@nestjs/common';
import { ApiCreatedResponse, ApiNoContentResponse, ApiOkResponse, ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { Expected, type IfMatch } from '../http/etag.js';
import { NameParam } from '../http/names.js';
import { ApiIfMatch, ApiPage, ApiProblems } from '../http/openapi.js';
import { PageQuery, type PageRequest, paginate } from '../http/pagination.js';
import { PutReleasePlanDto, ReleasePlanDto, ReleasePlanPageDto, toReleasePlanDto } from './dto/release-plan.dto.js';
import { planEtag, ReleasePlansService, requirePlan } from './release-plans.service.js';

@ApiTags('releases')
@ApiParam({ name: 'ns', example: 'default' })
@Controller('v1/namespaces/:ns/release-plans')
export class ReleasePlansController {
  constructor(private readonly plans: ReleasePlansService) {}

  @Get()
  @ApiOperation({ summary: 'List the release plans, by name; `standard` is always there' })
  @ApiPage()
  @ApiOkResponse({ type: ReleasePlanPageDto })
  @ApiProblems({ 400: ['invalid_name', 'invalid_limit', 'invalid_cursor'], 404: ['namespace_not_found'] })
  async list(@NameParam('ns') namespace: string, @PageQuery() page: PageRequest): Promise<ReleasePlanPageDto> {
    const { items, nextCursor } = await paginate(
      page,
      (limit, after) => this.plans.list(namespace, limit, after),
      ({ name }) => name,
    );
    return { items: items.map(toReleasePlanDto), nextCursor };
  }

  @Get(':plan')
  @ApiParam({ name: 'plan', example: 'standard' })
  @ApiOperation({ summary: 'Show a release plan, with all that was left to defaults' })
  @ApiOkResponse({ type: ReleasePlanDto })
  @ApiProblems({ 400: ['invalid_name'], 404: ['namespace_not_found', 'plan_not_found'] })
  async get(
    @NameParam('ns') namespace: string,
    @NameParam('plan') name: string,
    @Res({ passthrough: true }) response: Response,
  ): Promise<ReleasePlanDto> {
    const plan = await this.plans.get(namespace, name);
    response.setHeader('ETag', planEtag(plan));
    return toReleasePlanDto(plan);
  }

  @Put(':plan')
  @ApiParam({ name: 'plan', example: 'careful' })
  @ApiOperation({ summary: 'Make or replace a release plan. Releases that have begun keep the one that they began with' })
  @ApiIfMatch()
  @ApiOkResponse({ type: ReleasePlanDto, description: 'It was there.' })
  @ApiCreatedResponse({ type: ReleasePlanDto, description: 'It is new.' })
  @ApiProblems({ 400: ['validation_failed', 'invalid_plan', 'invalid_name'], 404: ['namespace_not_found'], 409: ['plan_reserved'] }, 412)
  async put(
    @NameParam('ns') namespace: string,
    @NameParam('plan') name: string,
    @Body() { description, stages }: PutReleasePlanDto,
    @Expected() expected: IfMatch,
    @Res({ passthrough: true }) response: Response,
  ): Promise<ReleasePlanDto> {
    const wanted = { description: description ?? null, plan: requirePlan({ stages }, '') };
    const { plan, created } = await this.plans.put(namespace, name, wanted, expected);
    response.status(created ? 201 : 200).setHeader('ETag', planEtag(plan));
    return toReleasePlanDto(plan);
  }

  @Delete(':plan')
  @HttpCode(204)
  @ApiParam({ name: 'plan', example: 'careful' })
  @ApiOperation({ summary: 'Delete a release plan' })
  @ApiIfMatch()
  @ApiNoContentResponse()
  @ApiProblems({ 400: ['invalid_name'], 404: ['namespace_not_found', 'plan_not_found'], 409: ['plan_reserved'] }, 412)
  async delete(@NameParam('ns') namespace: string, @NameParam('plan') name: string, @Expected() expected: IfMatch): Promise<void> {
    await this.plans.delete(namespace, name, expected);
  }
}
