import { isWebhookUrl, RELEASE_EVENT_TYPES } from '@app-fabric/release';
import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { ArrayMinSize, ArrayUnique, IsArray, IsIn, IsOptional, Matches, ValidateBy } from 'class-validator';
import { NOTIFICATION_FORMATS, type Notification, type NotificationContent, type NotificationFormat } from '../notification.js';

const URL_RULE = 'url must be an http:// or https:// URL of at most 2000 characters, without user, password and fragment';
const SECRET = /^[\x21-\x7e]{16,256}$/;
const SECRET_RULE = 'secret must be 16 to 256 printable ASCII characters without spaces';

export class PutNotificationDto {
  @ApiProperty({ description: 'Where events are posted to.', example: 'https://hooks.example.com/releases' })
  @ValidateBy(
    {
      name: 'isWebhookUrl',
      validator: { validate: (value) => typeof value === 'string' && isWebhookUrl(value), defaultMessage: () => URL_RULE },
    },
    { message: URL_RULE },
  )
  url!: string;

  @ApiPropertyOptional({
    type: String,
    nullable: true,
    description: 'Deliveries are signed with it; never shown again. Without it, with the secret of the namespace, if that has one.',
    example: 'correct-horse-battery-staple',
  })
  @IsOptional()
  @Matches(SECRET, { message: SECRET_RULE })
  secret?: string | null;

  @ApiPropertyOptional({
    enum: RELEASE_EVENT_TYPES,
    isArray: true,
    nullable: true,
    description: 'Only events of these types; all of them if not given. Of alerts, what may fire: what has fired is resolved all the same.',
    example: ['zeroed', 'rolled_back', 'paused'],
  })
  @IsOptional()
  @IsArray()
  @ArrayMinSize(1)
  @ArrayUnique()
  @IsIn(RELEASE_EVENT_TYPES, { each: true })
  events?: string[] | null;

  @ApiPropertyOptional({
    enum: NOTIFICATION_FORMATS,
    default: 'fabric',
    description: '`alertmanager`: what its `POST /api/v2/alerts` takes.',
    example: 'fabric',
  })
  @IsOptional()
  @IsIn(NOTIFICATION_FORMATS)
  format?: NotificationFormat | null;
}

export class NotificationDto {
  @ApiProperty({ example: 'on-call' }) name!: string;
  @ApiProperty({ example: 'https://hooks.example.com/releases' }) url!: string;
  @ApiProperty({ description: 'It has a secret of its own.', example: true }) hasSecret!: boolean;
  @ApiProperty({ type: [String], nullable: true, example: ['zeroed', 'rolled_back', 'paused'] }) events!: readonly string[] | null;
  @ApiProperty({ enum: NOTIFICATION_FORMATS, example: 'fabric' }) format!: NotificationFormat;
  @ApiProperty({ example: '2026-01-01T12:00:00.000Z' }) createdAt!: string;
  @ApiProperty({ example: '2026-01-01T12:00:00.000Z' }) updatedAt!: string;
  @ApiProperty({ example: 'admin' }) updatedBy!: string;
}

export class NotificationPageDto {
  @ApiProperty({ type: [NotificationDto] }) items!: NotificationDto[];
  @ApiProperty({ type: String, nullable: true, example: null }) nextCursor!: string | null;
}

export class PutWebhookSecretDto {
  @ApiProperty({ description: 'Never shown again.', example: 'correct-horse-battery-staple' })
  @Matches(SECRET, { message: SECRET_RULE })
  secret!: string;
}

export class WebhookSecretDto {
  @ApiProperty({ example: '2026-01-01T12:00:00.000Z' }) createdAt!: string;
  @ApiProperty({ example: '2026-01-01T12:00:00.000Z' }) updatedAt!: string;
  @ApiProperty({ example: 'admin' }) updatedBy!: string;
}

export function toContent({ url, secret, events, format }: PutNotificationDto): NotificationContent {
  return { url, secret: secret ?? null, events: events ?? null, format: format ?? 'fabric' };
}

export function toNotificationDto({ name, url, secret, events, format, createdAt, updatedAt, updatedBy }: Notification): NotificationDto {
  return {
    name,
    url,
    hasSecret: secret !== null,
    events,
    format,
    createdAt: createdAt.toISOString(),
    updatedAt: updatedAt.toISOString(),
    updatedBy,
  };
}

/** Of the secret itself nothing. */
export function toWebhookSecretDto({
  createdAt,
  updatedAt,
  updatedBy,
}: {
  createdAt: Date;
  updatedAt: Date;
  updatedBy: string;
}): WebhookSecretDto {
  return { createdAt: createdAt.toISOString(), updatedAt: updatedAt.toISOString(), updatedBy };
}
