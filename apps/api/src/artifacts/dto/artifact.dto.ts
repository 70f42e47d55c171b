import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayMinSize,
  ArrayUnique,
  IsArray,
  IsBoolean,
  IsIn,
  IsInt,
  IsObject,
  IsOptional,
  IsString,
  Matches,
  Max,
  MaxLength,
  Min,
  MinLength,
  ValidateNested,
} from 'class-validator';
import { NAME_PATTERN } from '../../http/names.js';
import { IsEnvironment, IsLabels } from '../../http/validators.js';
import { PROGRAM_TYPES, type ProgramType } from '../../programs/run.js';
import type { ArtifactContent, ArtifactVersion } from '../artifact.js';

const MAX_PROGRAMS = 100;
const MAX_ARGUMENTS = 256;
const MAX_ARGUMENT = 4_096;

export class ProgramSpecDto {
  @ApiProperty({ example: 'cart' })
  @IsString()
  @Matches(NAME_PATTERN, { message: 'name must be a valid name' })
  name!: string;

  @ApiProperty({ enum: PROGRAM_TYPES, example: 'service' })
  @IsIn(PROGRAM_TYPES)
  type!: ProgramType;

  @ApiPropertyOptional({
    type: [String],
    description: 'Started without a shell in the unpacked bundle. Absent: it runs elsewhere.',
    example: ['node', 'cart.mjs'],
  })
  @IsOptional()
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(MAX_ARGUMENTS)
  @IsString({ each: true })
  @MinLength(1, { each: true })
  @MaxLength(MAX_ARGUMENT, { each: true })
  command?: string[];

  @ApiPropertyOptional({ description: 'A service is ready when this answers 2xx; absent: when its port accepts.', example: '/healthz' })
  @IsOptional()
  @IsString()
  @Matches(/^\/[\x21-\x7e]{0,1023}$/, { message: 'healthPath must be a path that begins with /' })
  healthPath?: string;

  @ApiPropertyOptional({ minimum: 1, maximum: 100, default: 1, example: 1 })
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(100)
  instances?: number;

  @ApiPropertyOptional({
    type: 'object',
    additionalProperties: { type: 'string' },
    description: 'Not PORT, not FABRIC_*.',
    example: { LOG_LEVEL: 'info' },
  })
  @IsOptional()
  @IsEnvironment()
  env?: Record<string, string>;

  @ApiPropertyOptional({
    default: false,
    description: 'A worker or flow that may run in several versions of an app at once.',
    example: false,
  })
  @IsOptional()
  @IsBoolean()
  concurrent?: boolean;
}

export class PutArtifactDto {
  @ApiPropertyOptional({ type: String, nullable: true, maxLength: 1000, example: 'The web shop' })
  @IsOptional()
  @IsString()
  @MaxLength(1000)
  description?: string | null;

  @ApiPropertyOptional({ type: 'object', additionalProperties: { type: 'string' }, example: { team: 'checkout' } })
  @IsOptional()
  @IsLabels()
  labels?: Record<string, string>;

  @ApiProperty({ type: [ProgramSpecDto] })
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(MAX_PROGRAMS)
  @ArrayUnique((program: unknown) => programKey(program), { message: 'programs must differ in type or name' })
  @IsObject({ each: true }) // ValidateNested alone takes a list of lists
  @ValidateNested({ each: true })
  @Type(() => ProgramSpecDto)
  programs!: ProgramSpecDto[];
}

class BundleDto {
  @ApiProperty({ example: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08' }) sha256!: string;
  @ApiProperty({ example: 20480 }) bytes!: number;
}

export class ArtifactVersionDto {
  @ApiProperty({ example: 'default' }) namespace!: string;
  @ApiProperty({ example: 'shop' }) name!: string;
  @ApiProperty({ example: '1.0.0' }) version!: string;
  @ApiProperty({ type: String, nullable: true, example: 'The web shop' }) description!: string | null;
  @ApiProperty({ type: 'object', additionalProperties: { type: 'string' }, example: { team: 'checkout' } }) labels!: Record<string, string>;
  @ApiProperty({ type: [ProgramSpecDto] }) programs!: ProgramSpecDto[];
  @ApiProperty({ type: BundleDto, nullable: true, description: 'Null until one was uploaded.' }) bundle!: BundleDto | null;
  @ApiProperty({ example: '2026-01-01T12:00:00.000Z' }) createdAt!: string;
}

export class ArtifactVersionPageDto {
  @ApiProperty({ type: [ArtifactVersionDto] }) items!: ArtifactVersionDto[];
  @ApiProperty({ type: String, nullable: true, example: null }) nextCursor!: string | null;
}

export class ArtifactDto {
  @ApiProperty({ example: 'shop' }) name!: string;
  @ApiProperty({ description: 'How many versions there are.', example: 2 }) versions!: number;
}

export class ArtifactPageDto {
  @ApiProperty({ type: [ArtifactDto] }) items!: ArtifactDto[];
  @ApiProperty({ type: String, nullable: true, example: null }) nextCursor!: string | null;
}

/** With every default written out, so that the same meaning is the same content. */
export function toContent(body: PutArtifactDto): ArtifactContent {
  return {
    description: body.description ?? null,
    labels: body.labels ?? {},
    programs: body.programs.map(({ name, type, command, healthPath, instances, env, concurrent }) => ({
      name,
      type,
      ...(command ? { command } : {}),
      ...(healthPath ? { healthPath } : {}),
      instances: instances ?? 1,
      env: env ?? {},
      concurrent: concurrent ?? false,
    })),
  };
}

export function toArtifactVersionDto(found: ArtifactVersion): ArtifactVersionDto {
  const { namespace, artifact: name, version, description, labels, programs, bundle, createdAt } = found;
  return { namespace, name, version, description, labels, programs, bundle, createdAt: createdAt.toISOString() };
}

function programKey(program: unknown): unknown {
  if (typeof program !== 'object' || program === null) return program;
  const { type, name } = program as { type?: unknown; name?: unknown };
  return `${String(type)} ${String(name)}`;
}
