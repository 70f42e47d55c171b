import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import { IsIn, IsInt, IsObject, IsOptional, IsString, Max, MaxLength, Min, ValidateNested } from 'class-validator';
import { IsLabels } from '../../http/validators.js';
import { ENVIRONMENTS, type Environment } from '../namespace.js';
import type { WantedNamespace } from '../namespaces.service.js';
import { type GivenVariable, IsVariables } from './is-variables.js';

const MAX_INSTANCES = 100;

export class ResourcesDto {
  @ApiPropertyOptional({
    type: Number,
    nullable: true,
    minimum: 1,
    maximum: MAX_INSTANCES,
    description: 'Instances of a service when its start does not say how many. Null: as the artifact says.',
    example: 2,
  })
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(MAX_INSTANCES)
  defaultInstances?: number | null;
}

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

  @ApiPropertyOptional({
    enum: ENVIRONMENTS,
    nullable: true,
    description: 'What it is for. A promotion into a `production` namespace starts a canary release.',
    example: 'test',
  })
  @IsOptional()
  @IsIn(ENVIRONMENTS)
  environment?: Environment | null;

  @ApiPropertyOptional({
    type: 'object',
    additionalProperties: {
      oneOf: [
        { type: 'string' },
        { type: 'object', properties: { secret: { type: 'boolean' }, value: { type: 'string' } }, required: ['secret'] },
      ],
    },
    description:
      'Environment variables of the programs that run here, as of the start of each instance. A secret is never shown again; without `value` it keeps the one it has.',
    example: { LOG_LEVEL: 'info', DATABASE_PASSWORD: { secret: true, value: 'correct horse battery staple' } },
  })
  @IsOptional()
  @IsVariables()
  variables?: Record<string, GivenVariable> | null;

  @ApiPropertyOptional({ type: ResourcesDto, nullable: true })
  @IsOptional()
  @IsObject()
  @ValidateNested()
  @Type(() => ResourcesDto)
  resources?: ResourcesDto | null;
}

export function toWantedNamespace(body: PutNamespaceDto): WantedNamespace {
  const variables = Object.entries(body.variables ?? {}).map(([name, given]): [string, WantedNamespace['variables'][string]] => {
    if (typeof given === 'string') return [name, { value: given, secret: false }];
    if (given.value !== undefined) return [name, { value: given.value, secret: given.secret ?? false }];
    return [name, { value: null, secret: true }];
  });
  return {
    description: body.description ?? null,
    labels: body.labels ?? {},
    environment: body.environment ?? null,
    variables: Object.fromEntries(variables),
    defaultInstances: body.resources?.defaultInstances ?? null,
  };
}
