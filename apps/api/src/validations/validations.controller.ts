import { Body, Controller, Get, Post, Query } from '@nestjs/common';
import { ApiCreatedResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { CurrentPrincipal } from '../http/auth.guard.js';
import { ApiIdempotencyKey } from '../http/idempotency.js';
import { NameParam } from '../http/names.js';
import { ApiPage, ApiProblems } from '../http/openapi.js';
import { NumberPageQuery, type PageRequest, paginate } from '../http/pagination.js';
import type { Principal } from '../http/request-context.js';
import { RecordValidationDto, toValidationDto, ValidationDto, ValidationPageDto, ValidationsQueryDto } from './dto/validation.dto.js';
import { ValidationsService } from './validations.service.js';

@ApiTags('validations')
@Controller('v1/namespaces/:ns/apps/:app/validations')
export class ValidationsController {
  constructor(private readonly validations: ValidationsService) {}

  @Post()
  @ApiOperation({
    summary: 'Write down what a check of a version has found',
    description:
      'One that failed sends the version back to development: it, and what was promoted from it, is never promoted from then on. A new version can be.',
  })
  @ApiIdempotencyKey()
  @ApiCreatedResponse({ type: ValidationDto })
  @ApiProblems({
    400: ['validation_failed', 'invalid_name'],
    404: ['app_not_found', 'namespace_not_found'],
    409: ['too_many_validations'],
    422: ['unknown_version'],
  })
  async record(
    @NameParam('ns') namespace: string,
    @NameParam('app') app: string,
    @Body() { version, check, result, by, link, comment }: RecordValidationDto,
    @CurrentPrincipal() { name: recordedBy }: Principal,
  ): Promise<ValidationDto> {
    const checked = { by: by ?? recordedBy, recordedBy, link: link ?? null, comment: comment ?? null };
    return toValidationDto(await this.validations.record({ namespace, app, version, check, result, ...checked }));
  }

  @Get()
  @ApiOperation({ summary: 'List the validations of an app’s versions, newest first' })
  @ApiPage()
  @ApiOkResponse({ type: ValidationPageDto })
  @ApiProblems({
    400: ['validation_failed', 'invalid_limit', 'invalid_cursor', 'invalid_name'],
    404: ['app_not_found', 'namespace_not_found'],
  })
  async list(
    @NameParam('ns') namespace: string,
    @NameParam('app') app: string,
    @Query() query: ValidationsQueryDto,
    @NumberPageQuery() page: PageRequest<number>,
  ): Promise<ValidationPageDto> {
    const version = query.version === undefined ? null : Number(query.version);
    const { items, nextCursor } = await paginate(
      page,
      (limit, before) => this.validations.list({ namespace, app, version }, limit, before),
      ({ id }) => id,
    );
    return { items: items.map(toValidationDto), nextCursor };
  }
}
