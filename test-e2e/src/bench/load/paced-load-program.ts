import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setPriority } from 'node:os';
import { quantile } from '../statistics.js';
import { AnswerReader } from './answer-reader.js';
import type { Latencies, PacedLoad } from './paced-load.js';
import { Schedule } from './schedule.js';

// node paced-load-program.js LOAD: prints Latencies as JSON.

/** It never sleeps, so that it is never late; the instances on the same core come first. */
const NICENESS = 10;
const DRAIN_MS = 5_000;
/** Not counted: the code of this program is not compiled yet, and it would be late by more than what is measured. */
const WARM_UP_SECONDS = 0.5;

const load = JSON.parse(process.argv[2] ?? '') as PacedLoad;
const { hostname, port, host, pathname } = new URL(load.url);
const request = Buffer.from(`GET ${pathname} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
const endMs = (WARM_UP_SECONDS + load.seconds) * 1_000;
const latencies: number[] = [];
const lateness: number[] = [];
let startedAt = 0;
/** One for all: a new one for each piece would have the garbage collector run all the time. */
const received = Buffer.alloc(64 * 1024);

class Connection {
  readonly socket: Socket;
  readonly #schedule: Schedule;
  readonly #reader = new AnswerReader();
  /** Since when it could have sent. */
  #freeMs = 0;
  #dueMs = 0;
  busy = false;

  constructor(index: number) {
    this.#schedule = new Schedule(index, { ...load, seconds: endMs / 1_000 });
    this.socket = connect({
      host: hostname,
      port: Number(port),
      noDelay: true,
      onread: { buffer: received, callback: (length, buffer) => this.#take(buffer.subarray(0, length)) },
    });
    this.socket.on('error', fail).on('close', () => fail(new Error('the proxy closed a connection')));
  }

  /** For when the time is over. */
  get done(): boolean {
    return !this.busy && (load.perSecond === null || this.#schedule.dueMs === Number.POSITIVE_INFINITY);
  }

  #take(piece: Uint8Array): boolean {
    if (!this.#reader.push(piece)) return true;
    const nowMs = performance.now() - startedAt;
    if (this.#dueMs >= WARM_UP_SECONDS * 1_000) latencies.push(nowMs - this.#dueMs);
    this.busy = false;
    this.#freeMs = nowMs;
    this.sendWhatIsDue(nowMs);
    return true;
  }

  sendWhatIsDue(nowMs: number): void {
    const { dueMs } = this.#schedule;
    if (this.busy || dueMs > nowMs || (load.perSecond === null && nowMs > endMs)) return;
    this.#schedule.advance();
    this.#dueMs = load.perSecond === null ? nowMs : dueMs;
    this.busy = true;
    if (this.#dueMs >= WARM_UP_SECONDS * 1_000) lateness.push(nowMs - Math.max(dueMs, this.#freeMs));
    this.socket.write(request);
  }
}

function fail(error: Error): void {
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
}

setPriority(NICENESS);
const connections = Array.from({ length: load.connections }, (_, index) => new Connection(index));
await Promise.all(connections.map(({ socket }) => once(socket, 'connect')));
startedAt = performance.now();
process.on('uncaughtException', fail);

function turn(): void {
  const nowMs = performance.now() - startedAt;
  for (const connection of connections) connection.sendWhatIsDue(nowMs);
  if (nowMs > endMs + DRAIN_MS)
    fail(new Error(`${connections.filter((one) => !one.done).length} connections got no answer in time: the rate is too high`));
  else if (nowMs > endMs && connections.every(({ done }) => done)) report();
  else setImmediate(turn);
}

function report(): void {
  const sorted = Float64Array.from(latencies).sort();
  const result: Latencies = {
    p50: quantile(sorted, 0.5),
    p99: quantile(sorted, 0.99),
    p999: quantile(sorted, 0.999),
    max: sorted.at(-1)!,
    senderP99: quantile(Float64Array.from(lateness).sort(), 0.99),
    requests: sorted.length,
  };
  process.stdout.write(`${JSON.stringify(result)}\n`);
  process.exit(0);
}

turn();
