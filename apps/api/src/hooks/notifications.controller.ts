import { Body, Controller, Delete, Get, HttpCode, Put, Res } from '@nestjs/common';
import { ApiCreatedResponse, ApiNoContentResponse, ApiOkResponse, ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { CurrentPrincipal } from '../http/auth.guard.js';
import { Expected, type IfMatch } from '../http/etag.js';
import { NameParam } from '../http/names.js';
import { ApiIfMatch, ApiPage, ApiProblems } from '../http/openapi.js';
import { PageQuery, type PageRequest, paginate } from '../http/pagination.js';
import type { Principal } from '../http/request-context.js';
import { NotificationDto, NotificationPageDto, PutNotificationDto, toContent, toNotificationDto } from './dto/notification.dto.js';
import { NotificationsService, notificationEtag } from './notifications.service.js';

@ApiTags('notifications')
@ApiParam({ name: 'ns', example: 'default' })
@Controller('v1/namespaces/:ns/notifications')
export class NotificationsController {
  constructor(private readonly notifications: NotificationsService) {}

  @Get()
  @ApiOperation({ summary: 'List who is told what happens to the releases of a namespace, by name' })
  @ApiPage()
  @ApiOkResponse({ type: NotificationPageDto })
  @ApiProblems({ 400: ['invalid_name', 'invalid_limit', 'invalid_cursor'], 404: ['namespace_not_found'] })
  async list(@NameParam('ns') namespace: string, @PageQuery() page: PageRequest): Promise<NotificationPageDto> {
    const { items, nextCursor } = await paginate(
      page,
      (limit, after) => this.notifications.list(namespace, limit, after),
      ({ name }) => name,
    );
    return { items: items.map(toNotificationDto), nextCursor };
  }

  @Get(':name')
  @ApiParam({ name: 'name', example: 'on-call' })
  @ApiOperation({ summary: 'Show a notification' })
  @ApiOkResponse({ type: NotificationDto })
  @ApiProblems({ 400: ['invalid_name'], 404: ['namespace_not_found', 'notification_not_found'] })
  async get(
    @NameParam('ns') namespace: string,
    @NameParam('name') name: string,
    @Res({ passthrough: true }) response: Response,
  ): Promise<NotificationDto> {
    const notification = await this.notifications.get(namespace, name);
    response.setHeader('ETag', notificationEtag(notification));
    return toNotificationDto(notification);
  }

  @Put(':name')
  @ApiParam({ name: 'name', example: 'on-call' })
  @ApiOperation({
    summary: 'Make or replace a notification: every event of a release in the namespace is posted to its URL',
    description:
      'At least once each, with `X-Fabric-Delivery` to know it by; tried again for about an hour. Signed: `X-Fabric-Signature: t=<seconds>,v1=<hex>` is the HMAC-SHA256 of `<seconds>.<body>`.',
  })
  @ApiIfMatch()
  @ApiOkResponse({ type: NotificationDto, description: 'It was there.' })
  @ApiCreatedResponse({ type: NotificationDto, description: 'It is new.' })
  @ApiProblems(
    {
      400: ['validation_failed', 'invalid_name'],
      404: ['namespace_not_found'],
      409: ['too_many_notifications'],
      422: ['webhook_host_refused'],
    },
    412,
  )
  async put(
    @NameParam('ns') namespace: string,
    @NameParam('name') name: string,
    @Body() body: PutNotificationDto,
    @Expected() expected: IfMatch,
    @CurrentPrincipal() { name: by }: Principal,
    @Res({ passthrough: true }) response: Response,
  ): Promise<NotificationDto> {
    const { notification, created } = await this.notifications.put(namespace, name, toContent(body), expected, by);
    response.status(created ? 201 : 200).setHeader('ETag', notificationEtag(notification));
    return toNotificationDto(notification);
  }

  @Delete(':name')
  @HttpCode(204)
  @ApiParam({ name: 'name', example: 'on-call' })
  @ApiOperation({ summary: 'Delete a notification; what it was still to be sent is cancelled' })
  @ApiIfMatch()
  @ApiNoContentResponse()
  @ApiProblems({ 400: ['invalid_name'], 404: ['namespace_not_found', 'notification_not_found'] }, 412)
  async delete(@NameParam('ns') namespace: string, @NameParam('name') name: string, @Expected() expected: IfMatch): Promise<void> {
    await this.notifications.delete(namespace, name, expected);
  }
}
