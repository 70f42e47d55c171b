import { Body, Controller, Get, HttpStatus, Post, Res } from '@nestjs/common';
import { ApiCreatedResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { ApiFreezeOverride, FreezeOverride } from '../freezes/freeze-override.js';
import { CurrentPrincipal } from '../http/auth.guard.js';
import { ApiDryRun, DryRun } from '../http/dry-run.js';
import { ApiIdempotencyKey } from '../http/idempotency.js';
import { NameParam } from '../http/names.js';
import { ApiPage, ApiProblems } from '../http/openapi.js';
import { NumberPageQuery, type PageRequest, paginate } from '../http/pagination.js';
import { ApiPreferWait, PreferWait } from '../http/prefer.js';
import type { Principal } from '../http/request-context.js';
import { DEFAULT_PIPELINE } from '../pipelines/pipeline.js';
import { Propagation } from '../publishing/propagation.js';
import { PromoteDto, PromotionAnswerDto, PromotionPageDto, toPromotionAnswerDto, toPromotionDto } from './dto/promotion.dto.js';
import { PromotionsService } from './promotions.service.js';

@ApiTags('promotions')
@Controller('v1/namespaces/:ns/apps/:app/promotions')
export class PromotionsController {
  constructor(
    private readonly promotions: PromotionsService,
    private readonly propagation: Propagation,
  ) {}

  @Post()
  @ApiOperation({
    summary: 'Move a version on to the next namespace of its pipeline: the same artifact as a new version there',
    description:
      'In a production environment it begins a canary release by the plan of the stage, or, where no service of the app runs, is just started. Refused with 409 `criteria_not_met` and the list of what is `missing`; a dry run answers 200 with that list, and when it is empty, with how the version would come in (`entry`), or with what would refuse it. A version moves on once: the second time is 409 `already_promoted` with what `existing` came of it.',
  })
  @ApiIdempotencyKey()
  @ApiDryRun()
  @ApiPreferWait()
  @ApiFreezeOverride()
  @ApiCreatedResponse({ type: PromotionAnswerDto })
  @ApiOkResponse({ type: PromotionAnswerDto, description: 'A dry run.' })
  @ApiProblems({
    400: ['validation_failed', 'invalid_name'],
    404: ['app_not_found', 'namespace_not_found', 'version_not_found'],
    409: [
      'criteria_not_met',
      'version_in_development',
      'already_promoted',
      'last_stage',
      'frozen',
      'artifact_differs',
      'too_many_versions',
      'release_active',
      'no_baseline',
      'baseline_without_traffic',
      'candidate_in_override',
      'baseline_not_running',
      'bundle_missing',
    ],
    422: ['unknown_pipeline', 'namespace_not_in_pipeline', 'unknown_namespace', 'unknown_plan'],
  })
  async promote(
    @NameParam('ns') namespace: string,
    @NameParam('app') app: string,
    @Body() body: PromoteDto,
    @DryRun() dryRun: boolean,
    @PreferWait() waitMs: number,
    @FreezeOverride() freezeOverride: string | null,
    @CurrentPrincipal() { name: by }: Principal,
    @Res({ passthrough: true }) response: Response,
  ): Promise<PromotionAnswerDto> {
    const request = { namespace, app, version: body.version, pipeline: body.pipeline ?? DEFAULT_PIPELINE };
    const approval = body.approval ? { by: body.approval.by ?? by, comment: body.approval.comment ?? null } : null;
    const terms = { approval, config: body.config ?? undefined, labels: body.labels ?? undefined, freezeOverride, by };
    const answer = await this.promotions.promote(request, terms, dryRun);
    response.status(dryRun ? HttpStatus.OK : HttpStatus.CREATED);
    if (answer.made) {
      const { routeRevision, promotion } = answer.made;
      const { to } = promotion;
      response.setHeader('Location', `/v1/namespaces/${to.namespace}/apps/${app}/versions/${to.version}`);
      await this.propagation.waitFor({ routeRevision, namespace: to.namespace, app }, waitMs);
    }
    return toPromotionAnswerDto(answer);
  }

  @Get()
  @ApiOperation({ summary: 'List the promotions of an app from and into this namespace, newest first' })
  @ApiPage()
  @ApiOkResponse({ type: PromotionPageDto })
  @ApiProblems({ 400: ['invalid_limit', 'invalid_cursor', 'invalid_name'], 404: ['app_not_found', 'namespace_not_found'] })
  async list(
    @NameParam('ns') namespace: string,
    @NameParam('app') app: string,
    @NumberPageQuery() page: PageRequest<number>,
  ): Promise<PromotionPageDto> {
    const { items, nextCursor } = await paginate(
      page,
      (limit, before) => this.promotions.list(namespace, app, limit, before),
      ({ id }) => id,
    );
    return { items: items.map(toPromotionDto), nextCursor };
  }
}
