import { Body, Controller, Delete, Get, HttpCode, Put, Res } from '@nestjs/common';
import { ApiCreatedResponse, ApiNoContentResponse, ApiOkResponse, ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { CurrentPrincipal } from '../http/auth.guard.js';
import { Expected, type IfMatch } from '../http/etag.js';
import { NameParam } from '../http/names.js';
import { ApiIfMatch, ApiProblems } from '../http/openapi.js';
import type { Principal } from '../http/request-context.js';
import { PutWebhookSecretDto, toWebhookSecretDto, WebhookSecretDto } from './dto/notification.dto.js';
import { NotificationsService, secretEtag } from './notifications.service.js';

@ApiTags('notifications')
@ApiParam({ name: 'ns', example: 'default' })
@Controller('v1/namespaces/:ns/webhook-secret')
export class WebhookSecretController {
  constructor(private readonly notifications: NotificationsService) {}

  @Get()
  @ApiOperation({ summary: 'Show when the secret of a namespace was set; the secret itself is never shown' })
  @ApiOkResponse({ type: WebhookSecretDto })
  @ApiProblems({ 400: ['invalid_name'], 404: ['namespace_not_found', 'webhook_secret_not_found'] })
  async get(@NameParam('ns') namespace: string, @Res({ passthrough: true }) response: Response): Promise<WebhookSecretDto> {
    const secret = await this.notifications.getSecret(namespace);
    response.setHeader('ETag', secretEtag(secret));
    return toWebhookSecretDto(secret);
  }

  @Put()
  @ApiOperation({ summary: 'Set the secret with which hooks of releases are signed, and notifications without one of their own' })
  @ApiIfMatch()
  @ApiOkResponse({ type: WebhookSecretDto, description: 'There was one.' })
  @ApiCreatedResponse({ type: WebhookSecretDto, description: 'There was none.' })
  @ApiProblems({ 400: ['validation_failed', 'invalid_name'], 404: ['namespace_not_found'] }, 412)
  async put(
    @NameParam('ns') namespace: string,
    @Body() body: PutWebhookSecretDto,
    @Expected() expected: IfMatch,
    @CurrentPrincipal() { name: by }: Principal,
    @Res({ passthrough: true }) response: Response,
  ): Promise<WebhookSecretDto> {
    const { secret, created } = await this.notifications.putSecret(namespace, body.secret, expected, by);
    response.status(created ? 201 : 200).setHeader('ETag', secretEtag(secret));
    return toWebhookSecretDto(secret);
  }

  @Delete()
  @HttpCode(204)
  @ApiOperation({ summary: 'Forget the secret of a namespace: what has none of its own is sent without a signature' })
  @ApiIfMatch()
  @ApiNoContentResponse()
  @ApiProblems({ 400: ['invalid_name'], 404: ['namespace_not_found', 'webhook_secret_not_found'] }, 412)
  async delete(@NameParam('ns') namespace: string, @Expected() expected: IfMatch): Promise<void> {
    await this.notifications.deleteSecret(namespace, expected);
  }
}
