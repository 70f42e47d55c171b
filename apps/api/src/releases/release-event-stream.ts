import { setTimeout as delay } from 'node:timers/promises';
import { isTerminal } from '@app-fabric/release';
import { Injectable } from '@nestjs/common';
import type { ServerSentEvent } from '../http/server-sent-events.js';
import { toReleaseEventDto } from './dto/release.dto.js';
import type { AppRef } from './release.js';
import { ReleaseSignals } from './release-signals.js';
import { ReleasesService } from './releases.service.js';

const BATCH = 100;
/** Behind the signal, which only this replica's changes give. */
const LOOK_EVERY_MS = 1_000;

/** The events of a release as they happen. */
@Injectable()
export class ReleaseEventStream {
  constructor(
    private readonly releases: ReleasesService,
    private readonly signals: ReleaseSignals,
  ) {}

  /** Those after `sequence`, until the release has ended and all are told. Null: nothing new. */
  async *events(app: AppRef, id: string, sequence: number, gone: AbortSignal): AsyncGenerator<ServerSentEvent | null> {
    let last = sequence;
    while (!gone.aborted) {
      const changed = this.nextChange(id, gone);
      const { release, events } = await this.releases.eventsAfter(app, id, last, BATCH);
      for (const event of events) yield { event: 'release', id: event.sequence, data: toReleaseEventDto(release, event) };
      last = events.at(-1)?.sequence ?? last;
      if (events.length === BATCH) continue;
      if (isTerminal(release.state.status)) return;
      if (events.length === 0) yield null;
      await changed;
    }
  }

  private async nextChange(id: string, gone: AbortSignal): Promise<void> {
    const changed = new AbortController();
    const off = this.signals.onChange((other) => {
      if (other === id) changed.abort();
    });
    await delay(LOOK_EVERY_MS, undefined, { signal: AbortSignal.any([gone, changed.signal]) }).catch(() => undefined);
    off();
  }
}
