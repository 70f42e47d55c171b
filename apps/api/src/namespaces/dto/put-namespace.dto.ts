import { ApiProperty } from '@nestjs/swagger';
import { IsOptional, IsString, MaxLength } from 'class-validator';
import { IsLabels } from '../../http/validators.js';

export class PutNamespaceDto {
  @ApiProperty({ required: false, maxLength: 1000, example: 'What the checkout team runs.' })
  @IsOptional()
  @IsString()
  @MaxLength(1000)
  description?: string | null;

  @ApiProperty({ type: 'object', selfRequired: false, additionalProperties: { type: 'string' }, example: { team: 'checkout' } })
  @IsOptional()
  @IsLabels()
  labels?: Record<string, string> | null;
}
