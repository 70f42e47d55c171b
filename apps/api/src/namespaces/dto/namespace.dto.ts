import { ApiProperty } from '@nestjs/swagger';
import { ENVIRONMENTS, type Namespace } from '../namespace.js';
import type { Variables } from '../variables.js';
import { ResourcesDto } from './put-namespace.dto.js';

export class NamespaceDto {
  @ApiProperty({ example: 'checkout' }) name!: string;
  @ApiProperty({ type: String, nullable: true, example: 'What the checkout team runs.' }) description!: string | null;
  @ApiProperty({ type: 'object', additionalProperties: { type: 'string' }, example: { team: 'checkout' } }) labels!: Record<string, string>;
  @ApiProperty({ enum: ENVIRONMENTS, nullable: true, example: 'test' }) environment!: string | null;
  @ApiProperty({
    type: 'object',
    additionalProperties: { oneOf: [{ type: 'string' }, { type: 'object', properties: { secret: { type: 'boolean' } } }] },
    description: 'Secrets without their values; as it stands it can be put back.',
    example: { LOG_LEVEL: 'info', DATABASE_PASSWORD: { secret: true } },
  })
  variables!: Record<string, string | { secret: true }>;
  @ApiProperty({ type: ResourcesDto }) resources!: ResourcesDto;
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
    environment: namespace.environment,
    variables: shown(namespace.variables),
    resources: { defaultInstances: namespace.defaultInstances },
    createdAt: namespace.createdAt.toISOString(),
    updatedAt: namespace.updatedAt.toISOString(),
  };
}

function shown(variables: Variables): NamespaceDto['variables'] {
  const entries = Object.entries(variables).map(([name, { value, secret }]): [string, string | { secret: true }] => [
    name,
    secret ? { secret } : value,
  ]);
  return Object.fromEntries(entries);
}
