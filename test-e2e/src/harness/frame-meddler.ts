import { connectRedisPublisher, connectRedisSubscriber, type PublisherBus, type StoredFrame, type SubscriberBus } from '@app-fabric/bus';

const LOOK_MS = 5;

/** Between proxies and control plane: drops frames of measurements, doubles them, and lets them come late. */
export class FrameMeddler {
  readonly done = { dropped: 0, doubled: 0, late: 0, untouched: 0 };
  /** Source → requests that the newest of its frames that was left on the bus told of, as far as was seen. */
  readonly told = new Map<string, number>();
  private readonly met = new Set<string>();
  private readonly resend: StoredFrame[] = [];
  private readonly loop: Promise<void>;
  private meddling = true;
  private stopped = false;

  private constructor(
    private readonly publisher: PublisherBus,
    private readonly subscriber: SubscriberBus,
  ) {
    this.loop = this.run();
  }

  static async start(url: string): Promise<FrameMeddler> {
    return new FrameMeddler(await connectRedisPublisher({ url }), await connectRedisSubscriber({ url }));
  }

  /** From now on it only looks. What it held back comes now. */
  async calm(): Promise<void> {
    this.meddling = false;
    for (const { frame } of this.resend.splice(0)) if (frame.ok) await this.subscriber.sendMeasurements(frame.value);
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await this.loop;
    await this.publisher.close();
    await this.subscriber.close();
  }

  private async run(): Promise<void> {
    while (!this.stopped) {
      for (const stored of await this.publisher.measurements(100).catch(() => [])) await this.meet(stored).catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  }

  private async meet(stored: StoredFrame): Promise<void> {
    const { id, frame } = stored;
    if (!frame.ok) throw new Error(frame.reason);
    const { source, sequence, series } = frame.value;
    const name = `${source}/${sequence}`;
    if (this.met.has(name)) return;
    this.met.add(name);
    if (this.meddling && (await this.meddle(id, stored))) return;
    const versions = series.filter(({ instance }) => instance === null);
    const requests = versions.reduce((sum, { measures }) => sum + measures.status.reduce((a, b) => a + b, 0), 0);
    this.told.set(source, Math.max(requests, this.told.get(source) ?? 0));
  }

  /** True: the frame is not on the bus any more. By turns, so that every run has some of everything. */
  private async meddle(id: string, stored: StoredFrame): Promise<boolean> {
    const { frame } = stored;
    switch (this.met.size % 4) {
      case 0:
        this.done.dropped += 1;
        await this.publisher.removeMeasurements([id]);
        return true;
      case 1:
        this.done.doubled += 1;
        if (frame.ok) await this.subscriber.sendMeasurements(frame.value);
        return false;
      case 2: {
        this.done.late += 1;
        await this.publisher.removeMeasurements([id]);
        const before = this.resend.shift()?.frame;
        this.resend.push(stored);
        if (before?.ok) await this.subscriber.sendMeasurements(before.value);
        return true;
      }
      default:
        this.done.untouched += 1;
        return false;
    }
  }
}
