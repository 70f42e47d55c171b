import { ApiProperty } from '@nestjs/swagger';
import type { Namespace } from '../namespace.js';

export class NamespaceDto {
  @ApiProperty({ example: 'checkout' }) name!: string;
  @ApiProperty({ type: String, nullable: true, example: 'What the checkout team runs.' }) description!: string | null;
  @ApiProperty({ type: 'object', additionalProperties: { type: 'string' }, example: { team: 'checkout' } }) labels!: Record<string, string>;
  @ApiProperty({ format: 'date-time', example: '2026-01-31T09:30:00.000Z' }) createdAt!: string;
  @ApiProperty({ format: 'date-time', example: '2026-01-31T09:30:00.000Z' }) updatedAt!: string;
}

export class NamespacePageDto {
  @ApiProperty({ type: [NamespaceDto] }) items!: NamespaceDto[];
  @ApiProperty({ type: String, nullable: true, example: null }) nextCursor!: string | null;
}

export function toNamespaceDto(namespace: Namespace): NamespaceDto {
  return {
    name: namespace.name,
    description: namespace.description,
    labels: namespace.labels,
    createdAt: namespace.createdAt.toISOString(),
    updatedAt: namespace.updatedAt.toISOString(),
  };
}
