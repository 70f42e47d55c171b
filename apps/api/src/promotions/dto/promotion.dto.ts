import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import { IsInt, IsObject, IsOptional, IsString, Matches, Max, MaxLength, Min, MinLength, ValidateNested } from 'class-validator';
import { NAME_PATTERN } from '../../http/names.js';
import { IsLabels, IsPlainJson } from '../../http/validators.js';
import type { Promotion } from '../promotion.js';
import type { PromotionAnswer } from '../promotions.service.js';

class GiveApprovalDto {
  @ApiPropertyOptional({ maxLength: 200, description: 'Who says yes. Default: who makes this call.', example: 'head-of-shop@example.com' })
  @IsOptional()
  @IsString()
  @MinLength(1)
  @MaxLength(200)
  by?: string;

  @ApiPropertyOptional({ maxLength: 2000, example: 'Seen in the demo on Friday' })
  @IsOptional()
  @IsString()
  @MaxLength(2000)
  comment?: string;
}

export class PromoteDto {
  @ApiProperty({ example: 3 })
  @IsInt()
  @Min(1)
  @Max(2_147_483_647)
  version!: number;

  @ApiPropertyOptional({ default: 'default', example: 'default' })
  @IsOptional()
  @IsString()
  @Matches(NAME_PATTERN, { message: 'pipeline must be a valid name' })
  pipeline?: string;

  @ApiPropertyOptional({ type: GiveApprovalDto, description: 'For a stage that requires one; `{}` is one.' })
  @IsOptional()
  @IsObject()
  @ValidateNested()
  @Type(() => GiveApprovalDto)
  approval?: GiveApprovalDto;

  @ApiPropertyOptional({
    description: "Default: the version's own.",
    type: 'object',
    additionalProperties: true,
    example: { currency: 'EUR' },
  })
  @IsOptional()
  @IsPlainJson({ maxBytes: 65_536 })
  config?: Record<string, unknown>;

  @ApiPropertyOptional({
    description: "Default: the version's own.",
    type: 'object',
    additionalProperties: { type: 'string' },
    example: { ticket: 'SHOP-17' },
  })
  @IsOptional()
  @IsLabels()
  labels?: Record<string, string>;
}

class MissingDto {
  @ApiProperty({
    description: '`minSoak`, `metrics.…`, `checks.…`, `approval`; `rejection`: it is back in development.',
    example: 'minSoak',
  })
  criterion!: string;
  @ApiProperty({ oneOf: [{ type: 'string' }, { type: 'number' }, { type: 'boolean' }], example: '3d' }) wanted!: string | number | boolean;
  @ApiProperty({
    oneOf: [{ type: 'string' }, { type: 'number' }, { type: 'boolean' }],
    nullable: true,
    description: 'Null: nothing is known.',
    example: '172800s',
  })
  actual!: string | number | boolean | null;
}

class PlaceDto {
  @ApiProperty({ example: 'beta' }) namespace!: string;
  @ApiProperty({ type: Number, nullable: true, description: 'Null in a dry run: it is not there yet.', example: 1 }) version!:
    | number
    | null;
}

class PromotedArtifactDto {
  @ApiProperty({ example: 'shop' }) name!: string;
  @ApiProperty({ example: '1.2.0' }) version!: string;
  @ApiProperty({
    type: String,
    nullable: true,
    description:
      'Of its bundle, which is the same in both namespaces; null without a bundle, and in a dry run in which something is missing.',
    example: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
  })
  sha256!: string | null;
}

class EntryDto {
  @ApiProperty({
    enum: ['release', 'start'],
    description: '`release`: a canary release has begun. `start`: no service of the app ran, so its services are just started.',
    example: 'release',
  })
  type!: 'release' | 'start';
  @ApiProperty({
    type: String,
    nullable: true,
    description: 'Null for a start, and in a dry run.',
    example: '0b8e1c1e-8a34-4a5f-9d5e-0a1f9b3b6c11',
  })
  releaseId!: string | null;
}

class ApprovalDto {
  @ApiProperty({ example: 'head-of-shop@example.com' }) by!: string;
  @ApiProperty({ type: String, nullable: true, example: 'Seen in the demo on Friday' }) comment!: string | null;
}

export class PromotionDto {
  @ApiProperty({ type: Number, nullable: true, description: 'Null in a dry run.', example: 12 }) id!: number | null;
  @ApiProperty({ example: 'shop' }) app!: string;
  @ApiProperty({ example: 'default' }) pipeline!: string;
  @ApiProperty({ type: PlaceDto, example: { namespace: 'test', version: 3 } }) from!: PlaceDto;
  @ApiProperty({ type: PlaceDto, example: { namespace: 'beta', version: 1 } }) to!: PlaceDto;
  @ApiProperty({ type: EntryDto, nullable: true, description: 'How it comes into production; null elsewhere.' }) entry!: EntryDto | null;
  @ApiProperty({ type: ApprovalDto, nullable: true }) approval!: ApprovalDto | null;
  @ApiProperty({ type: String, nullable: true, description: 'Why it was done although the namespace was frozen.', example: null })
  freezeOverride!: string | null;
  @ApiProperty({ type: String, nullable: true, description: 'Whose token it was.', example: 'admin' }) by!: string | null;
  @ApiProperty({ type: String, nullable: true, example: '2026-01-01T12:00:00.000Z' }) at!: string | null;
}

export class PromotionAnswerDto extends PromotionDto {
  @ApiProperty({ type: PromotedArtifactDto }) artifact!: PromotedArtifactDto;
  @ApiProperty({ type: [MissingDto], description: 'What keeps it from moving on; only in a dry run.', example: [] }) missing!: MissingDto[];
}

export class PromotionPageDto {
  @ApiProperty({ type: [PromotionDto] }) items!: PromotionDto[];
  @ApiProperty({ type: String, nullable: true, example: null }) nextCursor!: string | null;
}

export function toPromotionDto({ id, app, pipeline, from, to, entry, approval, freezeOverride, by, at }: Promotion): PromotionDto {
  return { id, app, pipeline, from, to, entry, approval, freezeOverride, by, at: at.toISOString() };
}

export function toPromotionAnswerDto({ step, missing, made, foreseen }: PromotionAnswer): PromotionAnswerDto {
  const { app, namespace, version, artifact } = step.version;
  const promotion = made
    ? toPromotionDto(made.promotion)
    : {
        id: null,
        app,
        pipeline: step.pipeline,
        from: { namespace, version },
        to: { namespace: step.next.namespace, version: null },
        entry: foreseen?.entry ? { type: foreseen.entry, releaseId: null } : null,
        approval: null,
        freezeOverride: null,
        by: null,
        at: null,
      };
  return { ...promotion, artifact: { ...artifact, sha256: (made ?? foreseen)?.sha256 ?? null }, missing };
}
