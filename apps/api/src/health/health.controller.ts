import type { PublisherBus } from '@app-fabric/bus';
import { Controller, Get, Inject, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { Response } from 'express';
import { Database } from '../database/database.js';
import { Public } from '../http/auth.guard.js';
import { Metrics } from '../metrics/metrics.js';
import { BUS, SHUTDOWN } from '../tokens.js';

@Public()
@ApiExcludeController()
@Controller()
export class HealthController {
  constructor(
    private readonly database: Database,
    @Inject(BUS) private readonly bus: PublisherBus,
    private readonly metrics: Metrics,
    @Inject(SHUTDOWN) private readonly shutdown: AbortSignal,
  ) {}

  /** The process lives. */
  @Get('healthz')
  health(): { status: string } {
    return { status: 'ok' };
  }

  /** Prometheus' text format. */
  @Get('metrics')
  async exposition(@Res() response: Response): Promise<void> {
    const text = await this.metrics.registry.metrics();
    response.type(this.metrics.registry.contentType).send(text);
  }

  /**
   * 200 when calls can be served. Without the bus they can: changes are committed and reach the proxies when it is back.
   * So a lost bus is `degraded`, not 503: taking every replica out of service would help nobody.
   */
  @Get('readyz')
  async ready(@Res({ passthrough: true }) response: Response): Promise<unknown> {
    const database = this.database.state !== 'ready' ? this.database.state : (await this.database.ping()) ? 'up' : 'down';
    const bus = this.bus.connected ? 'up' : 'down';
    const serving = database === 'up' && !this.shutdown.aborted;
    response.status(serving ? 200 : 503);
    const status = this.shutdown.aborted ? 'stopping' : !serving ? 'unavailable' : bus === 'up' ? 'ok' : 'degraded';
    return { status, checks: { database, bus } };
  }
}
