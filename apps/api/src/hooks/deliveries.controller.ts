import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiParam, ApiQuery, ApiTags } from '@nestjs/swagger';
import { Transactions } from '../database/transaction.js';
import { DomainError } from '../http/domain-error.js';
import { NameParam } from '../http/names.js';
import { ApiPage, ApiProblems } from '../http/openapi.js';
import { NumberPageQuery, type PageRequest, paginate } from '../http/pagination.js';
import { DeliveriesRepository, type DeliveryFilter } from './deliveries.repository.js';
import { DELIVERY_STATUSES } from './delivery.js';
import { DeliveryPageDto, DeliveryWithBodyDto, toDeliveryDto, toDeliveryWithBodyDto } from './dto/delivery.dto.js';
import { NotificationsRepository } from './notifications.repository.js';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** What was sent, or is to be, to whom, and what they said. */
@ApiTags('notifications')
@ApiParam({ name: 'ns', example: 'default' })
@Controller('v1/namespaces/:ns/deliveries')
export class DeliveriesController {
  constructor(
    private readonly transactions: Transactions,
    private readonly deliveries: DeliveriesRepository,
    private readonly notifications: NotificationsRepository,
  ) {}

  @Get()
  @ApiOperation({
    summary: 'List the deliveries of hooks and notifications with their attempts, newest first',
    description: 'Ended ones are kept for 7 days, the newest 10,000.',
  })
  @ApiPage()
  @ApiQuery({ name: 'release', required: false, description: 'Only those of this release.', schema: { type: 'string', format: 'uuid' } })
  @ApiQuery({ name: 'status', required: false, schema: { type: 'string', enum: [...DELIVERY_STATUSES] } })
  @ApiOkResponse({ type: DeliveryPageDto })
  @ApiProblems({ 400: ['validation_failed', 'invalid_name', 'invalid_limit', 'invalid_cursor'], 404: ['namespace_not_found'] })
  async list(
    @NameParam('ns') namespace: string,
    @NumberPageQuery() page: PageRequest<number>,
    @Query('release') release: unknown,
    @Query('status') status: unknown,
  ): Promise<DeliveryPageDto> {
    const filter = readFilter(release, status);
    const { items, nextCursor } = await paginate(
      page,
      (limit, before) =>
        this.transactions.read(async (tx) => {
          const found = await this.deliveries.list(tx, namespace, filter, limit, before);
          if (found.length === 0 && !(await this.notifications.namespaceExists(tx, namespace)))
            throw new DomainError('not_found', 'namespace_not_found', `There is no namespace ${namespace}.`);
          return found;
        }),
      ({ id }) => id,
    );
    return { items: items.map(toDeliveryDto), nextCursor };
  }

  @Get(':id')
  @ApiParam({ name: 'id', example: '0d8bb1a7-4ba5-4f9a-9d6f-6c4a3a8b1c11' })
  @ApiOperation({ summary: 'Show a delivery with what is sent' })
  @ApiOkResponse({ type: DeliveryWithBodyDto })
  @ApiProblems({ 400: ['invalid_name'], 404: ['delivery_not_found'] })
  async get(@NameParam('ns') namespace: string, @Param('id') id: string): Promise<DeliveryWithBodyDto> {
    const found = UUID.test(id) ? await this.transactions.read((tx) => this.deliveries.find(tx, namespace, id)) : null;
    if (found) return toDeliveryWithBodyDto(found);
    throw new DomainError('not_found', 'delivery_not_found', `There is no such delivery in namespace ${namespace}.`);
  }
}

function readFilter(release: unknown, status: unknown): DeliveryFilter {
  if (release !== undefined && !(typeof release === 'string' && UUID.test(release)))
    throw invalid('release', 'must be the id of a release');
  const known = DELIVERY_STATUSES.find((one) => one === status);
  if (status !== undefined && known === undefined) throw invalid('status', `must be one of ${DELIVERY_STATUSES.join(', ')}`);
  return { release: release ?? null, status: known ?? null };
}

function invalid(path: string, message: string): DomainError {
  return new DomainError('malformed', 'validation_failed', `${path} ${message}.`, { errors: [{ path, message }] });
}
