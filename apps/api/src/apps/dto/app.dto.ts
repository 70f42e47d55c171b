import { type Affinity, FALLBACKS, type Fallback, ON_UNAVAILABLE, type OnUnavailable } from '@app-fabric/routing';
import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import { IsIn, IsInt, IsObject, IsOptional, IsString, Matches, Max, MaxLength, Min, ValidateIf, ValidateNested } from 'class-validator';
import { NAME_PATTERN } from '../../http/names.js';
import { IsLabels, IsPlainJson } from '../../http/validators.js';
import type { Alias, App, AppVersion, Routing } from '../app.js';

const AFFINITY_BY = ['header', 'cookie', 'address'] as const;
/** A header field name (RFC 9110 token) or cookie name. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,128}$/;

export class AffinityDto {
  @ApiProperty({ enum: AFFINITY_BY, example: 'cookie' })
  @IsIn(AFFINITY_BY)
  by!: Affinity['by'];

  @ApiPropertyOptional({ description: 'The header or cookie; an address needs none.', example: 'session' })
  @ValidateIf((affinity: AffinityDto) => affinity.by !== 'address' || affinity.name !== undefined)
  @IsString()
  @Matches(TOKEN, { message: 'name must be the name of a header or cookie' })
  name?: string;
}

export class RoutingDto {
  @ApiPropertyOptional({ enum: FALLBACKS, default: 'random', description: 'What versionless requests do where there is no distribution.' })
  @IsOptional()
  @IsIn(FALLBACKS)
  fallback?: Fallback;

  @ApiPropertyOptional({
    enum: ON_UNAVAILABLE,
    default: 'redistribute',
    description: 'What they do when the picked version has no usable instance.',
  })
  @IsOptional()
  @IsIn(ON_UNAVAILABLE)
  onUnavailable?: OnUnavailable;

  @ApiPropertyOptional({ type: AffinityDto })
  @IsOptional()
  @IsObject()
  @ValidateNested()
  @Type(() => AffinityDto)
  affinity?: AffinityDto;
}

export class PutAppDto {
  @ApiPropertyOptional({ maxLength: 1000, example: 'The web shop' })
  @IsOptional()
  @IsString()
  @MaxLength(1000)
  description?: string;

  @ApiPropertyOptional({ type: RoutingDto })
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
  @ApiProperty({ type: RoutingDto, example: { fallback: 'random', onUnavailable: 'redistribute' } }) routing!: RoutingDto;
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

/** What the body says of routing; what it leaves out is left out. */
export function toRouting(routing: RoutingDto | undefined): Partial<Routing> {
  const { fallback, onUnavailable, affinity } = routing ?? {};
  return {
    ...(fallback ? { fallback } : {}),
    ...(onUnavailable ? { onUnavailable } : {}),
    ...(affinity ? { affinity: { by: affinity.by, ...(affinity.by !== 'address' && affinity.name ? { name: affinity.name } : {}) } } : {}),
  };
}

export function toAppDto(app: App): AppDto {
  const { fallback, onUnavailable, affinity } = app.routing;
  return {
    namespace: app.namespace,
    name: app.name,
    description: app.description,
    routing: { fallback, onUnavailable, ...(affinity ? { affinity } : {}) },
    createdAt: app.createdAt.toISOString(),
    updatedAt: app.updatedAt.toISOString(),
  };
}

export function toAppVersionDto(version: AppVersion, aliases?: string[]): AppVersionDto {
  const { namespace, app, version: number, artifact, config, labels, createdAt, createdBy } = version;
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
  };
}

export function toAliasDto({ alias, version, updatedAt }: Alias): AliasDto {
  return { alias, version, updatedAt: updatedAt.toISOString() };
}
