import { Body, Controller, Delete, Get, HttpCode, Put, Res } from '@nestjs/common';
import { ApiCreatedResponse, ApiNoContentResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { Expected, etagOf, type IfMatch } from '../http/etag.js';
import { NameParam } from '../http/names.js';
import { ApiIfMatch, ApiProblems } from '../http/openapi.js';
import { ApiPreferWait, PreferWait } from '../http/prefer.js';
import { HostsDto, PutHostsDto, toHostsDto, toServiceHosts } from './dto/hosts.dto.js';
import { HostsService } from './hosts.service.js';

@ApiTags('hosts')
@Controller('v1/namespaces/:ns/apps/:app/services/:svc/hosts')
export class HostsController {
  constructor(private readonly hosts: HostsService) {}

  @Get()
  @ApiOperation({ summary: 'Show by which hosts consumers reach a service' })
  @ApiOkResponse({ type: HostsDto })
  @ApiProblems({ 400: ['invalid_name'], 404: ['app_not_found', 'service_not_found', 'hosts_not_found'] })
  async get(
    @NameParam('ns') namespace: string,
    @NameParam('app') app: string,
    @NameParam('svc') service: string,
    @Res({ passthrough: true }) response: Response,
  ): Promise<HostsDto> {
    const route = await this.hosts.get({ namespace, app, service });
    response.setHeader('ETag', etagOf(route.revision));
    return toHostsDto(route);
  }

  @Put()
  @ApiOperation({ summary: 'Let consumers reach a service by hosts of its own, without a path of the fabric; replaces the former ones' })
  @ApiIfMatch()
  @ApiPreferWait()
  @ApiOkResponse({ type: HostsDto, description: 'It had some.' })
  @ApiCreatedResponse({ type: HostsDto, description: 'It had none.' })
  @ApiProblems({ 400: ['validation_failed', 'invalid_name'], 404: ['app_not_found', 'service_not_found'], 409: ['host_taken'] }, 412)
  async put(
    @NameParam('ns') namespace: string,
    @NameParam('app') app: string,
    @NameParam('svc') service: string,
    @Body() body: PutHostsDto,
    @Expected() expected: IfMatch,
    @PreferWait() waitMs: number,
    @Res({ passthrough: true }) response: Response,
  ): Promise<HostsDto> {
    const { route, created } = await this.hosts.put({ namespace, app, service }, toServiceHosts(body), expected, waitMs);
    response.status(created ? 201 : 200).setHeader('ETag', etagOf(route.revision));
    return toHostsDto(route);
  }

  @Delete()
  @HttpCode(204)
  @ApiOperation({ summary: 'Take a service off its hosts' })
  @ApiIfMatch()
  @ApiPreferWait()
  @ApiNoContentResponse()
  @ApiProblems({ 400: ['invalid_name'], 404: ['app_not_found', 'service_not_found', 'hosts_not_found'] }, 412)
  async delete(
    @NameParam('ns') namespace: string,
    @NameParam('app') app: string,
    @NameParam('svc') service: string,
    @Expected() expected: IfMatch,
    @PreferWait() waitMs: number,
  ): Promise<void> {
    await this.hosts.delete({ namespace, app, service }, expected, waitMs);
  }
}
