import {
  type Affinity,
  AUDIENCE_BY,
  DEFAULT_MIRROR_BODY_BYTES,
  FALLBACKS,
  type Fallback,
  ON_UNAVAILABLE,
  type OnUnavailable,
  ROUTING_BOUNDS,
} from '@app-fabric/routing';
import { ApiProperty, ApiPropertyOptional, getSchemaPath } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import {
  Allow,
  ArrayMaxSize,
  ArrayMinSize,
  IsArray,
  IsBoolean,
  IsIn,
  IsInt,
  IsNumber,
  IsObject,
  IsOptional,
  IsString,
  Matches,
  Max,
  MaxLength,
  Min,
  ValidateIf,
  ValidateNested,
} from 'class-validator';
import { NAME_PATTERN } from '../../http/names.js';

// What one field is by itself. What fields must be together, and maps by name, are read-routing.ts.

const AFFINITY_BY = ['header', 'cookie', 'address'] as const;
/** A header field name (RFC 9110 token) or cookie name. */
export const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,128}$/;
const BOUNDS = ROUTING_BOUNDS;

export class AffinityDto {
  @ApiProperty({ enum: AFFINITY_BY, example: 'cookie' })
  @IsIn(AFFINITY_BY)
  by!: Affinity['by'];

  @ApiPropertyOptional({
    description: 'The header or cookie; an address needs none. A cookie that a consumer does not bring is set by the proxy.',
    example: 'session',
  })
  @ValidateIf((affinity: AffinityDto) => affinity.by !== 'address' || affinity.name !== undefined)
  @IsString()
  @Matches(TOKEN, { message: 'name must be the name of a header or cookie' })
  name?: string;

  @ApiPropertyOptional({
    description: "Only with a cookie: how long the one lives that the proxy sets. Default: the browser's session.",
    minimum: 1,
    maximum: BOUNDS.affinityTtlSeconds,
    example: 86_400,
  })
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(BOUNDS.affinityTtlSeconds)
  ttlSeconds?: number;
}

export class AudienceConditionDto {
  @ApiProperty({ enum: AUDIENCE_BY, example: 'header' })
  @IsIn(AUDIENCE_BY)
  by!: (typeof AUDIENCE_BY)[number];

  @ApiPropertyOptional({ description: 'Of the header, cookie or query parameter.', example: 'X-Group' })
  @IsOptional()
  @IsString()
  @MaxLength(BOUNDS.valueLength)
  name?: string;

  @ApiPropertyOptional({ description: 'Values are compared as they are, case included.', example: 'staff' })
  @IsOptional()
  @IsString()
  @MaxLength(BOUNDS.valueLength)
  equals?: string;

  @ApiPropertyOptional({ type: [String], maxItems: BOUNDS.valuesPerCondition, example: ['staff', 'partner'] })
  @IsOptional()
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(BOUNDS.valuesPerCondition)
  @IsString({ each: true })
  @MaxLength(BOUNDS.valueLength, { each: true })
  oneOf?: string[];

  @ApiPropertyOptional({ example: 'Shop/2' })
  @IsOptional()
  @IsString()
  @MaxLength(BOUNDS.valueLength)
  prefix?: string;

  @ApiPropertyOptional({ description: '`false`: it must be absent.', example: true })
  @IsOptional()
  @IsBoolean()
  present?: boolean;

  @ApiPropertyOptional({
    type: [String],
    maxItems: BOUNDS.valuesPerCondition,
    description: "Only with `address`: networks of the client's address, IPv4 or IPv6.",
    example: ['10.0.0.0/8', '2001:db8::/32'],
  })
  @IsOptional()
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(BOUNDS.valuesPerCondition)
  @IsString({ each: true })
  @MaxLength(64, { each: true })
  cidr?: string[];
}

export class AudienceDestinationDto {
  @ApiPropertyOptional({ description: 'All of them to this version.', example: 2 })
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(2_147_483_647)
  version?: number;

  @ApiPropertyOptional({
    type: 'object',
    additionalProperties: { type: 'number' },
    description: 'Or a distribution of their own: version → percent, up to two decimals; the sum is exactly 100.',
    example: { 1: 50, 2: 50 },
  })
  @Allow() // read by libs/routing, as the weights of a distribution are
  weights?: unknown;
}

export class AudienceDto {
  @ApiProperty({ example: 'staff' })
  @IsString()
  @Matches(NAME_PATTERN, { message: 'name must be a valid name' })
  name!: string;

  @ApiProperty({ type: [AudienceConditionDto], description: 'All of them must hold.', minItems: 1, maxItems: BOUNDS.conditions })
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(BOUNDS.conditions)
  @ValidateNested({ each: true })
  @Type(() => AudienceConditionDto)
  when!: AudienceConditionDto[];

  @ApiProperty({ type: AudienceDestinationDto, description: 'Either a version, or weights.', example: { version: 2 } })
  @IsObject()
  @ValidateNested()
  @Type(() => AudienceDestinationDto)
  then!: AudienceDestinationDto;
}

export class MirrorTargetDto {
  @ApiProperty({ example: 3 })
  @IsInt()
  @Min(1)
  @Max(2_147_483_647)
  version!: number;

  @ApiProperty({ description: 'Percent of the requests that are copied, up to two decimals; 0 is off.', example: 12.5 })
  @IsNumber()
  @Min(0)
  @Max(100)
  percent!: number;

  @ApiPropertyOptional({
    description: 'Requests with a larger body are not copied.',
    default: DEFAULT_MIRROR_BODY_BYTES,
    minimum: 0,
    maximum: BOUNDS.mirrorBodyBytes,
    example: 65_536,
  })
  @IsOptional()
  @IsInt()
  @Min(0)
  @Max(BOUNDS.mirrorBodyBytes)
  maxBodyBytes?: number;
}

export class MirrorDto extends MirrorTargetDto {
  @ApiPropertyOptional({
    type: 'object',
    additionalProperties: { $ref: getSchemaPath(MirrorTargetDto) },
    description: 'Services for which it is different.',
    example: { pay: { version: 3, percent: 0 } },
  })
  @IsOptional()
  @IsObject()
  services?: Record<string, unknown>;
}

export class LimitDto {
  @ApiPropertyOptional({ minimum: BOUNDS.minRequestsPerSecond, maximum: BOUNDS.maxLimit, example: 100 })
  @IsOptional()
  @IsNumber()
  @Min(BOUNDS.minRequestsPerSecond)
  @Max(BOUNDS.maxLimit)
  requestsPerSecond?: number;

  @ApiPropertyOptional({ description: 'How many may come at once. Default: those of one second, at least 1.', example: 20 })
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(BOUNDS.maxLimit)
  burst?: number;

  @ApiPropertyOptional({ description: 'Requests in flight.', example: 50 })
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(BOUNDS.maxLimit)
  concurrent?: number;
}

export class LimitsDto {
  @ApiPropertyOptional({
    type: 'object',
    additionalProperties: { $ref: getSchemaPath(LimitDto) },
    description: 'By service, over all its versions.',
    example: { cart: { requestsPerSecond: 100, burst: 20 } },
  })
  @IsOptional()
  @IsObject()
  services?: Record<string, unknown>;

  @ApiPropertyOptional({
    type: 'object',
    additionalProperties: { $ref: getSchemaPath(LimitDto) },
    description: 'By version, over all its services.',
    example: { 2: { concurrent: 50 } },
  })
  @IsOptional()
  @IsObject()
  versions?: Record<string, unknown>;
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

  @ApiPropertyOptional({ default: false, description: 'May `Accept: …; app-version=2` pin a version?' })
  @IsOptional()
  @IsBoolean()
  pinByAccept?: boolean;

  @ApiPropertyOptional({
    type: [AudienceDto],
    maxItems: BOUNDS.audiences,
    description:
      'Rules for some of the consumers; the first that matches decides, after pins and before affinity and distribution. A version that a rule names but that does not run: `onUnavailable` says whether the rule is skipped or its requests fail.',
  })
  @IsOptional()
  @IsArray()
  @ArrayMaxSize(BOUNDS.audiences)
  @ValidateNested({ each: true })
  @Type(() => AudienceDto)
  audiences?: AudienceDto[];

  @ApiPropertyOptional({ type: MirrorDto, description: 'Copies of requests for another version; their answers are thrown away.' })
  @IsOptional()
  @IsObject()
  @ValidateNested()
  @Type(() => MirrorDto)
  mirror?: MirrorDto;

  @ApiPropertyOptional({ type: LimitsDto, description: 'For each proxy; what is above them gets 429 with `Retry-After`.' })
  @IsOptional()
  @IsObject()
  @ValidateNested()
  @Type(() => LimitsDto)
  limits?: LimitsDto;
}
