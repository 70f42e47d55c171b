import { ApiProperty } from '@nestjs/swagger';
import { IsString, Matches, MaxLength, MinLength } from 'class-validator';
import { DomainError } from '../../http/domain-error.js';
import type { Freeze, FreezeContent } from '../freeze.js';

/** RFC 3339 §5.6: date and time with an offset. */
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/;
const TIME_MESSAGE = '$property must be a time with its offset: 2026-12-20T00:00:00Z';

export class PutFreezeDto {
  @ApiProperty({ example: '2026-12-20T00:00:00Z' })
  @IsString()
  @Matches(TIME, { message: TIME_MESSAGE })
  from!: string;

  @ApiProperty({ description: 'The first moment that is free again.', example: '2027-01-03T00:00:00Z' })
  @IsString()
  @Matches(TIME, { message: TIME_MESSAGE })
  to!: string;

  @ApiProperty({ maxLength: 500, example: 'Christmas sales' })
  @IsString()
  @MinLength(1)
  @MaxLength(500)
  reason!: string;
}

export class FreezeDto {
  @ApiProperty({ example: 'christmas' }) name!: string;
  @ApiProperty({ example: '2026-12-20T00:00:00.000Z' }) from!: string;
  @ApiProperty({ example: '2027-01-03T00:00:00.000Z' }) to!: string;
  @ApiProperty({ example: 'Christmas sales' }) reason!: string;
  @ApiProperty({ description: 'Whether it holds now.', example: true }) open!: boolean;
  @ApiProperty({ example: '2026-11-26T09:30:00.000Z' }) createdAt!: string;
  @ApiProperty({ example: '2026-11-26T09:30:00.000Z' }) updatedAt!: string;
  @ApiProperty({ example: 'admin' }) updatedBy!: string;
}

export class FreezePageDto {
  @ApiProperty({ type: [FreezeDto] }) items!: FreezeDto[];
  @ApiProperty({ type: String, nullable: true, example: null }) nextCursor!: string | null;
}

/** 400 validation_failed when a time does not exist, or the end is not after the begin. */
export function toFreezeContent({ from, to, reason }: PutFreezeDto): FreezeContent {
  const [begin, end] = [timeOf('from', from), timeOf('to', to)];
  if (end <= begin) throw invalid('to', 'must be after from');
  return { from: begin, to: end, reason };
}

function timeOf(path: string, text: string): Date {
  const time = new Date(text);
  if (Number.isNaN(time.getTime())) throw invalid(path, 'must be a time that exists');
  return time;
}

function invalid(path: string, message: string): DomainError {
  return new DomainError('malformed', 'validation_failed', `${path} ${message}.`, { errors: [{ path, message }] });
}

export function toFreezeDto(freeze: Freeze): FreezeDto {
  const { name, from, to, reason, open, createdAt, updatedAt, updatedBy } = freeze;
  return {
    name,
    from: from.toISOString(),
    to: to.toISOString(),
    reason,
    open,
    createdAt: createdAt.toISOString(),
    updatedAt: updatedAt.toISOString(),
    updatedBy,
  };
}
