import { ApiExtraModels, ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import { IsInt, IsObject, IsOptional, IsString, Matches, Max, MaxLength, Min, ValidateNested } from 'class-validator';
import { NAME_PATTERN } from '../../http/names.js';
import { IsLabels, IsPlainJson } from '../../http/validators.js';
import type { Alias, App, AppVersion } from '../app.js';
import { LimitDto, MirrorTargetDto, RoutingDto } from './routing.dto.js';
import { toRoutingDto } from './to-routing-dto.js';

const ROUTING_EXAMPLE = {
  fallback: 'random',
  onUnavailable: 'redistribute',
  affinity: { by: 'cookie', name: 'session', ttlSeconds: 86_400 },
  pinByAccept: true,
  audiences: [{ name: 'staff', when: [{ by: 'header', name: 'X-Group', equals: 'staff' }], then: { version: 2 } }],
  mirror: { version: 3, percent: 12.5 },
  limits: { services: { cart: { requestsPerSecond: 100, burst: 20 } }, versions: { 2: { concurrent: 50 } } },
};

@ApiExtraModels(LimitDto, MirrorTargetDto)
export class PutAppDto {
  @ApiPropertyOptional({ maxLength: 1000, example: 'The web shop' })
  @IsOptional()
  @IsString()
  @MaxLength(1000)
  description?: string;

  @ApiPropertyOptional({ type: RoutingDto, example: ROUTING_EXAMPLE })
  @IsOptional()
  @IsObject()
  @ValidateNested()
  @Type(() => RoutingDto)
  routing?: RoutingDto;
}

export class AppDto {
  @ApiProperty({ example: 'default' }) namespace!: string;
  @ApiProperty({ example: 'shop' }) name!: string;
  @ApiPropertyOptional({ type: String, nullable: true, example: 'The web shop' }) description!: string | null;
  @ApiProperty({ type: RoutingDto, example: ROUTING_EXAMPLE }) routing!: RoutingDto;
  @ApiProperty({ example: '2026-01-01T12:00:00.000Z' }) createdAt!: string;
  @ApiProperty({ example: '2026-01-01T12:00:00.000Z' }) updatedAt!: string;
}

export class ArtifactRefDto {
  @ApiProperty({ example: 'shop' })
  @IsString()
  @Matches(NAME_PATTERN, { message: 'name must be a valid name' })
  name!: string;

  @ApiProperty({ description: "The artifact's version (semver).", example: '1.0.0' })
  @IsString()
  @MaxLength(128)
  version!: string;
}

export class CreateAppVersionDto {
  @ApiProperty({ type: ArtifactRefDto })
  @IsObject()
  @ValidateNested()
  @Type(() => ArtifactRefDto)
  artifact!: ArtifactRefDto;

  @ApiPropertyOptional({
    description: 'Given to the programs as FABRIC_CONFIG.',
    type: 'object',
    additionalProperties: true,
    example: { currency: 'EUR' },
  })
  @IsOptional()
  @IsPlainJson({ maxBytes: 65_536 })
  config?: Record<string, unknown>;

  @ApiPropertyOptional({ type: 'object', additionalProperties: { type: 'string' }, example: { ticket: 'SHOP-17' } })
  @IsOptional()
  @IsLabels()
  labels?: Record<string, string>;
}

class PromotedFromDto {
  @ApiProperty({ example: 'beta' }) namespace!: string;
  @ApiProperty({ example: 'shop' }) app!: string;
  @ApiProperty({ example: 2 }) version!: number;
}

class RejectionDto {
  @ApiProperty({ description: 'The validation that failed.', example: 'functional' }) check!: string;
  @ApiProperty({ description: 'Where.', example: 'test' }) namespace!: string;
  @ApiProperty({ example: 3 }) version!: number;
  @ApiProperty({ example: 'qa@example.com' }) by!: string;
  @ApiProperty({ example: '2026-01-01T12:00:00.000Z' }) at!: string;
}

export class AppVersionDto {
  @ApiProperty({ example: 'default' }) namespace!: string;
  @ApiProperty({ example: 'shop' }) app!: string;
  @ApiProperty({ example: 3 }) version!: number;
  @ApiProperty({ type: ArtifactRefDto }) artifact!: ArtifactRefDto;
  @ApiProperty({ type: 'object', additionalProperties: true, example: { currency: 'EUR' } }) config!: Record<string, unknown>;
  @ApiProperty({ type: 'object', additionalProperties: { type: 'string' }, example: {} }) labels!: Record<string, string>;
  @ApiPropertyOptional({ type: [String], description: 'Only in the answer for one version.', example: ['stable'] }) aliases?: string[];
  @ApiProperty({ example: '2026-01-01T12:00:00.000Z' }) createdAt!: string;
  @ApiProperty({ example: 'admin' }) createdBy!: string;
  @ApiProperty({ type: PromotedFromDto, nullable: true, description: 'Null: it was made here.' }) promotedFrom!: PromotedFromDto | null;
  @ApiProperty({
    type: RejectionDto,
    nullable: true,
    description: 'A validation of it, or of another version of its line of promotions, has failed: it is back in development.',
  })
  rejection!: RejectionDto | null;
}

export class PutAliasDto {
  @ApiProperty({ example: 3 })
  @IsInt()
  @Min(1)
  @Max(2_147_483_647)
  version!: number;
}

export class AliasDto {
  @ApiProperty({ example: 'stable' }) alias!: string;
  @ApiProperty({ example: 3 }) version!: number;
  @ApiProperty({ example: '2026-01-01T12:00:00.000Z' }) updatedAt!: string;
}

export function toAppDto(app: App): AppDto {
  return {
    namespace: app.namespace,
    name: app.name,
    description: app.description,
    routing: toRoutingDto(app.routing),
    createdAt: app.createdAt.toISOString(),
    updatedAt: app.updatedAt.toISOString(),
  };
}

export function toAppVersionDto(version: AppVersion, aliases?: string[]): AppVersionDto {
  const { namespace, app, version: number, artifact, config, labels, createdAt, createdBy, promotedFrom, rejection } = version;
  return {
    namespace,
    app,
    version: number,
    artifact,
    config,
    labels,
    ...(aliases ? { aliases } : {}),
    createdAt: createdAt.toISOString(),
    createdBy,
    promotedFrom: promotedFrom && { namespace: promotedFrom.namespace, app, version: promotedFrom.version },
    rejection,
  };
}

export function toAliasDto({ alias, version, updatedAt }: Alias): AliasDto {
  return { alias, version, updatedAt: updatedAt.toISOString() };
}
