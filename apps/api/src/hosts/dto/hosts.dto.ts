import { isHostPattern, isPathPrefix, ROUTING_BOUNDS } from '@app-fabric/routing';
import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import { ArrayMaxSize, ArrayMinSize, ArrayUnique, IsArray, IsOptional, ValidateBy } from 'class-validator';
import type { HostRoute, ServiceHosts } from '../host-route.js';

const HOSTS_RULE =
  'hosts must be names like shop.example.com, or *.example.com for all names below; without port, international names in their ASCII form';
const PREFIX_RULE = 'pathPrefix must be / or up to 8 whole segments like /cart, without a slash at the end and without percent-encoding';

export class PutHostsDto {
  @ApiProperty({
    type: [String],
    minItems: 1,
    maxItems: ROUTING_BOUNDS.hostsPerService,
    description: '`*.` and a name: every name below it. Case does not matter.',
    example: ['shop.example.com', '*.shop.example.com'],
  })
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(ROUTING_BOUNDS.hostsPerService)
  @Transform(({ value }) => (Array.isArray(value) ? value.map((host) => (typeof host === 'string' ? host.toLowerCase() : host)) : value))
  @ArrayUnique({ message: 'hosts must not name the same host twice' })
  @ValidateBy(textRule('isHostPattern', isHostPattern, HOSTS_RULE), { each: true, message: HOSTS_RULE })
  hosts!: string[];

  @ApiPropertyOptional({
    default: '/',
    description: 'Only paths in it, by whole segments. It comes off: the instance gets what is behind it.',
    example: '/cart',
  })
  @IsOptional()
  @ValidateBy(textRule('isPathPrefix', isPathPrefix, PREFIX_RULE))
  pathPrefix?: string;
}

export class HostsDto {
  @ApiProperty({ type: [String], example: ['shop.example.com', '*.shop.example.com'] }) hosts!: string[];
  @ApiProperty({ example: '/cart' }) pathPrefix!: string;
  @ApiProperty({ example: '2026-01-01T12:00:00.000Z' }) updatedAt!: string;
}

export function toServiceHosts({ hosts, pathPrefix }: PutHostsDto): ServiceHosts {
  return { hosts, pathPrefix: pathPrefix ?? '/' };
}

export function toHostsDto({ hosts, pathPrefix, updatedAt }: HostRoute): HostsDto {
  return { hosts, pathPrefix, updatedAt: updatedAt.toISOString() };
}

function textRule(name: string, holds: (text: string) => boolean, rule: string) {
  return { name, validator: { validate: (value: unknown) => typeof value === 'string' && holds(value), defaultMessage: () => rule } };
}
