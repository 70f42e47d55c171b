import { Controller, Get } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Transactions } from '../database/transaction.js';
import { DomainError } from '../http/domain-error.js';
import { NameParam } from '../http/names.js';
import { ApiPage, ApiProblems } from '../http/openapi.js';
import { NumberPageQuery, type PageRequest, paginate } from '../http/pagination.js';
import { AuditRepository } from './audit.repository.js';
import type { AuditEntry } from './audit-entry.js';
import { AuditPageDto, toAuditEntryDto } from './dto/audit.dto.js';

@ApiTags('audit')
@Controller('v1/namespaces/:ns/audit')
export class AuditController {
  constructor(
    private readonly transactions: Transactions,
    private readonly audit: AuditRepository,
  ) {}

  @Get()
  @ApiOperation({
    summary: 'List who did what in a namespace, newest first: settings, freezes and their overrides, validations, promotions',
    description: 'The newest 10,000 entries. Who changed weights, and why, is in the history of each distribution.',
  })
  @ApiPage()
  @ApiOkResponse({ type: AuditPageDto })
  @ApiProblems({ 400: ['invalid_limit', 'invalid_cursor', 'invalid_name'], 404: ['namespace_not_found'] })
  async list(@NameParam('ns') namespace: string, @NumberPageQuery() page: PageRequest<number>): Promise<AuditPageDto> {
    const { items, nextCursor } = await paginate(
      page,
      (limit, before) => this.entries(namespace, limit, before),
      ({ id }) => id,
    );
    return { items: items.map(toAuditEntryDto), nextCursor };
  }

  private entries(namespace: string, limit: number, before: number | null): Promise<AuditEntry[]> {
    return this.transactions.read(async (tx) => {
      const entries = await this.audit.list(tx, namespace, limit, before);
      // Of a namespace that was deleted the entries stay.
      if (entries.length === 0 && !(await this.audit.namespaceExists(tx, namespace)))
        throw new DomainError('not_found', 'namespace_not_found', `There is no namespace ${namespace}.`);
      return entries;
    });
  }
}
