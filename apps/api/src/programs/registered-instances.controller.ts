import { Body, Controller, Delete, HttpCode, Put, Res } from '@nestjs/common';
import { ApiCreatedResponse, ApiNoContentResponse, ApiOkResponse, ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { Expected, type IfMatch } from '../http/etag.js';
import { NameParam } from '../http/names.js';
import { ApiIfMatch, ApiProblems } from '../http/openapi.js';
import { ApiPreferWait, PreferWait } from '../http/prefer.js';
import { InstanceDto, RegisterInstanceDto, toInstanceDto } from './dto/program.dto.js';
import { parseInstanceUrl } from './instance-url.js';
import type { VersionPath } from './lifecycle.service.js';
import { ApiVersionPath, VersionParams } from './program-path.js';
import { instanceEtag, RegisteredInstancesService } from './registered-instances.service.js';

const DEFAULT_TTL_SECONDS = 30;

@ApiTags('programs')
@ApiVersionPath()
@ApiParam({ name: 'svc', example: 'cart' })
@ApiParam({ name: 'id', example: 'node-7' })
@Controller('v1/namespaces/:ns/apps/:app/versions/:v/services/:svc/instances/:id')
export class RegisteredInstancesController {
  constructor(private readonly instances: RegisteredInstancesService) {}

  @Put()
  @ApiOperation({ summary: 'Register an instance that runs elsewhere; the same again is its heartbeat' })
  @ApiIfMatch()
  @ApiPreferWait()
  @ApiOkResponse({ type: InstanceDto, description: 'It was there.' })
  @ApiCreatedResponse({ type: InstanceDto, description: 'It is new.' })
  @ApiProblems(
    {
      400: ['validation_failed', 'invalid_name'],
      404: ['version_not_found', 'service_not_found'],
      409: ['version_not_running', 'too_many_instances', 'instance_id_taken'],
    },
    412,
  )
  async put(
    @VersionParams() path: VersionPath,
    @NameParam('svc') service: string,
    @NameParam('id') id: string,
    @Body() body: RegisterInstanceDto,
    @Expected() ifMatch: IfMatch,
    @PreferWait() waitMs: number,
    @Res({ passthrough: true }) response: Response,
  ): Promise<InstanceDto> {
    const url = parseInstanceUrl(body.url)!; // validated by the DTO
    const wanted = { instanceId: id, url, ttlSeconds: body.ttlSeconds ?? DEFAULT_TTL_SECONDS };
    const { instance, created } = await this.instances.put(path, service, wanted, ifMatch, waitMs);
    response.status(created ? 201 : 200).setHeader('ETag', instanceEtag(instance));
    return toInstanceDto(instance);
  }

  @Delete()
  @HttpCode(204)
  @ApiOperation({ summary: 'Take a registered instance out of the routes; what it has in flight is finished' })
  @ApiIfMatch()
  @ApiPreferWait()
  @ApiNoContentResponse()
  @ApiProblems({ 400: ['invalid_name'], 404: ['version_not_found', 'service_not_found', 'instance_not_found'] }, 412)
  async remove(
    @VersionParams() path: VersionPath,
    @NameParam('svc') service: string,
    @NameParam('id') id: string,
    @Expected() ifMatch: IfMatch,
    @PreferWait() waitMs: number,
  ): Promise<void> {
    await this.instances.remove(path, service, id, ifMatch, waitMs);
  }
}
