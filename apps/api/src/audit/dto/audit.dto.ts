import { ApiProperty } from '@nestjs/swagger';
import { AUDIT_ACTIONS, type AuditEntry } from '../audit-entry.js';

class AuditEntryDto {
  @ApiProperty({ example: 17 }) id!: number;
  @ApiProperty({ example: '2026-01-01T12:00:00.000Z' }) at!: string;
  @ApiProperty({ example: 'admin' }) by!: string;
  @ApiProperty({ enum: AUDIT_ACTIONS, example: 'freeze_overridden' }) action!: string;
  @ApiProperty({ example: 'shop' }) subject!: string;
  @ApiProperty({
    type: 'object',
    additionalProperties: true,
    example: { change: 'distribution', freeze: 'christmas', reason: 'SHOP-17: prices were wrong' },
  })
  detail!: Record<string, unknown>;
}

export class AuditPageDto {
  @ApiProperty({ type: [AuditEntryDto] }) items!: AuditEntryDto[];
  @ApiProperty({ type: String, nullable: true, example: null }) nextCursor!: string | null;
}

export function toAuditEntryDto({ id, at, by, action, subject, detail }: AuditEntry): AuditEntryDto {
  return { id, at: at.toISOString(), by, action, subject, detail };
}
