import { Controller, Get } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiProperty, ApiTags } from '@nestjs/swagger';
import { Transactions } from '../database/transaction.js';
import { ApiProblems } from '../http/openapi.js';
import { ProxyRegistry } from './proxy-registry.js';
import { RouteOutboxRepository } from './route-outbox.repository.js';

class RejectionDto {
  @ApiProperty({ example: 41 }) revision!: number;
  @ApiProperty({ example: 'default/shop' }) key!: string;
  @ApiProperty({ example: 'routes.services[0].name: not a name' }) reason!: string;
  @ApiProperty({ example: '2026-01-01T12:00:00.000Z' }) at!: string;
}

class RejectedAppDto extends RejectionDto {
  @ApiProperty({
    type: Number,
    nullable: true,
    description: 'Route revision of the document that it routes the app by instead; 0: an old one of unknown revision; null: none.',
    example: 38,
  })
  heldRevision!: number | null;
}

class ProxyDto {
  @ApiProperty({ example: 'proxy-1' }) proxyId!: string;
  @ApiProperty({ description: 'New at each start of the proxy.', example: '7d0e6c1a4f2b' }) bootId!: string;
  @ApiProperty({ example: 'http://127.0.0.1:8082' }) adminUrl!: string;
  @ApiProperty({
    type: Number,
    nullable: true,
    description: 'It routes by everything up to here; null while it has no table.',
    example: 42,
  })
  appliedRevision!: number | null;
  @ApiProperty({ type: [RejectedAppDto], description: 'Apps whose newest document it has refused. They hold `appliedRevision` back.' })
  rejected!: RejectedAppDto[];
  @ApiProperty({ description: 'It has everything that was committed.', example: true }) upToDate!: boolean;
  @ApiProperty({ example: '2026-01-01T12:00:00.000Z' }) lastSeen!: string;
  @ApiProperty({ description: 'Requests in flight.', example: 3 }) inFlight!: number;
  @ApiProperty({ type: RejectionDto, nullable: true, description: 'The last document that it refused.' })
  lastRejection!: RejectionDto | null;
}

class ProxyListDto {
  @ApiProperty({ description: 'The newest committed route revision.', example: 42 }) routeRevision!: number;
  @ApiProperty({ type: [ProxyDto] }) items!: ProxyDto[];
  @ApiProperty({ type: String, nullable: true, description: 'Always null: all live proxies are listed.', example: null }) nextCursor!: null;
}

@ApiTags('proxies')
@Controller('v1/proxies')
export class ProxiesController {
  constructor(
    private readonly registry: ProxyRegistry,
    private readonly transactions: Transactions,
    private readonly outbox: RouteOutboxRepository,
  ) {}

  @Get()
  @ApiOperation({ summary: 'Show the live proxies: what each has applied, when it was last seen, what it last refused' })
  @ApiOkResponse({ type: ProxyListDto })
  @ApiProblems()
  async list(): Promise<ProxyListDto> {
    const { epoch, revision } = await this.transactions.read((tx) => this.outbox.head(tx));
    const items = this.registry.list().map(
      ({ report, lastSeen }): ProxyDto => ({
        proxyId: report.proxyId,
        bootId: report.bootId,
        adminUrl: report.adminUrl,
        appliedRevision: report.applied?.revision ?? null,
        rejected: report.rejected,
        upToDate: report.applied?.epoch === epoch && report.applied.revision >= revision,
        lastSeen,
        inFlight: Object.values(report.inFlight).reduce((sum, count) => sum + count, 0),
        lastRejection: report.lastRejection,
      }),
    );
    return { routeRevision: revision, items, nextCursor: null };
  }
}
