import { Agent, get } from 'node:http';

/** What consumers saw of one request. */
interface Seen {
  /** 0: no answer. */
  status: number;
  version: string;
  /** As `performance.now()`: when it was sent. */
  sentAtMs: number;
}

/** Constant load on some URLs in turn, every answer kept. */
export class WatchedLoad {
  readonly seen: Seen[] = [];
  private readonly agent = new Agent({ keepAlive: true });
  private readonly clients: Promise<void>[];
  private running = true;

  constructor(urls: readonly string[], clients: number, pauseMs: number) {
    this.clients = Array.from({ length: clients }, async (_, number) => {
      for (let turn = number; this.running; turn += 1) {
        this.seen.push(await this.send(urls[turn % urls.length]!));
        await new Promise((resolve) => setTimeout(resolve, pauseMs));
      }
    });
  }

  failures(): Seen[] {
    return this.seen.filter(({ status }) => status !== 200);
  }

  async stop(): Promise<void> {
    this.running = false;
    await Promise.all(this.clients);
    this.agent.destroy();
  }

  private send(url: string): Promise<Seen> {
    const sentAtMs = performance.now();
    return new Promise((resolve) => {
      get(url, { agent: this.agent }, (response) => {
        const version = String(response.headers['x-app-version'] ?? '');
        response.resume().once('close', () => resolve({ status: response.statusCode ?? 0, version, sentAtMs }));
      }).once('error', () => resolve({ status: 0, version: '', sentAtMs }));
    });
  }
}
