import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn, IsInt, IsOptional, IsString, Matches, Max, MaxLength, Min, MinLength } from 'class-validator';
import { NAME_PATTERN } from '../../http/names.js';
import { VALIDATION_RESULTS, type Validation, type ValidationResult } from '../validation.js';

export class RecordValidationDto {
  @ApiProperty({ example: 3 })
  @IsInt()
  @Min(1)
  @Max(2_147_483_647)
  version!: number;

  @ApiProperty({ example: 'functional' })
  @IsString()
  @Matches(NAME_PATTERN, { message: 'check must be a valid name' })
  check!: string;

  @ApiProperty({ enum: VALIDATION_RESULTS, example: 'passed' })
  @IsIn(VALIDATION_RESULTS)
  result!: ValidationResult;

  @ApiPropertyOptional({ maxLength: 200, description: 'Who has checked. Default: who makes this call.', example: 'qa@example.com' })
  @IsOptional()
  @IsString()
  @MinLength(1)
  @MaxLength(200)
  by?: string;

  @ApiPropertyOptional({ maxLength: 2000, description: 'http or https.', example: 'https://ci.example.com/runs/4711' })
  @IsOptional()
  @IsString()
  @MaxLength(2000)
  @Matches(/^https?:\/\/[^\s\p{Cc}<>"]+$/iu, { message: 'link must be an http or https URL' })
  link?: string;

  @ApiPropertyOptional({ maxLength: 2000, example: 'All 412 cases' })
  @IsOptional()
  @IsString()
  @MaxLength(2000)
  comment?: string;
}

export class ValidationsQueryDto {
  @ApiPropertyOptional({ description: 'Only of this version.', example: '3' })
  @IsOptional()
  @Matches(/^[1-9]\d{0,8}$/, { message: '$property must be the number of a version' })
  version?: string;

  /** Read by the page's own decorator. */
  @IsOptional()
  limit?: string;

  @IsOptional()
  cursor?: string;
}

export class ValidationDto {
  @ApiProperty({ example: 17 }) id!: number;
  @ApiProperty({ example: 3 }) version!: number;
  @ApiProperty({ example: 'functional' }) check!: string;
  @ApiProperty({ enum: VALIDATION_RESULTS, example: 'passed' }) result!: ValidationResult;
  @ApiProperty({ description: 'Who has checked, as the caller says.', example: 'qa@example.com' }) by!: string;
  @ApiProperty({ description: 'Whose token it was.', example: 'admin' }) recordedBy!: string;
  @ApiProperty({ type: String, nullable: true, example: 'https://ci.example.com/runs/4711' }) link!: string | null;
  @ApiProperty({ type: String, nullable: true, example: 'All 412 cases' }) comment!: string | null;
  @ApiProperty({ example: '2026-01-01T12:00:00.000Z' }) at!: string;
}

export class ValidationPageDto {
  @ApiProperty({ type: [ValidationDto] }) items!: ValidationDto[];
  @ApiProperty({ type: String, nullable: true, example: null }) nextCursor!: string | null;
}

export function toValidationDto(validation: Validation): ValidationDto {
  const { id, version, check, result, by, recordedBy, link, comment, at } = validation;
  return { id, version, check, result, by, recordedBy, link, comment, at: at.toISOString() };
}
