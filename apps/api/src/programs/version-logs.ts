import { setTimeout as after } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { AppVersionsService } from '../apps/app-versions.service.js';
import { Transactions } from '../database/transaction.js';
import type { LogLine } from '../runtimes/program-runtime.js';
import { BoundedQueue } from './bounded-queue.js';
import type { VersionPath } from './lifecycle.service.js';
import { type LogQuery, MAX_TAIL } from './log-query.js';
import type { ProgramType, Run } from './run.js';
import { RunHost } from './run-host.js';
import { RunsRepository } from './runs.repository.js';

/** Runs of a version that are looked through, the newest. */
const MAX_RUNS = 50;
/** How often a follower looks for runs that have begun meanwhile. */
const LOOK_MS = 1_000;
/** Lines between the runs' readers and a slow follower; beyond that the readers wait, and tell what they miss. */
const MAX_BEHIND = 1_000;

/** A line of a program, and of which one. */
export interface VersionLogLine extends LogLine {
  runId: string;
  program: { name: string; type: ProgramType };
}

export interface VersionLog {
  items: VersionLogLine[];
  /** Runs whose programs are, or were, on another host: that one's API has their lines. */
  elsewhere: string[];
}

/** What all programs of an app version printed, of all its runs on this host. */
@Injectable()
export class VersionLogs {
  constructor(
    private readonly transactions: Transactions,
    private readonly versions: AppVersionsService,
    private readonly runs: RunsRepository,
    private readonly host: RunHost,
  ) {}

  /** Oldest first. 404 version_not_found. */
  async read(path: VersionPath, { tail, since }: LogQuery): Promise<VersionLog> {
    const runs = await this.runsOf(path, since);
    const lines: VersionLogLine[] = [];
    const elsewhere: string[] = [];
    for (const run of runs) {
      const logs = this.host.logsOf(run);
      if (logs) lines.push(...(await logs.reader.read(run.runId, { tail, ...(since ? { since } : {}) })).map((line) => lineOf(run, line)));
      else if (run.hostId !== null) elsewhere.push(run.runId);
    }
    lines.sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
    return { items: lines.slice(Math.max(0, lines.length - tail)), elsewhere };
  }

  /**
   * The last lines of each run as `query` says, then every new one, of the runs there are and of those that begin later, until `signal`
   * fires. Lines of one run keep their order; those of several come as they are read. Call {@link read} first where a 404 must be the answer.
   */
  async *follow(path: VersionPath, query: LogQuery, signal: AbortSignal): AsyncIterable<VersionLogLine> {
    const lines = new BoundedQueue<VersionLogLine>(MAX_BEHIND, signal);
    const known = new Set<string>();
    let runQuery: LogQuery = query;
    const look = async () => {
      for (const run of await this.runsOf(path, query.since)) {
        if (known.has(run.runId)) continue;
        known.add(run.runId);
        const logs = this.host.logsOf(run);
        if (logs) void this.pass(run, logs.reader.follow(run.runId, runQuery, signal), lines);
      }
      // Those that begin later are passed on from their first line.
      runQuery = { ...query, tail: MAX_TAIL };
    };
    const keepLooking = async () => {
      while (!signal.aborted) {
        // A database that is away hides new runs for a while, and ends nobody's reading.
        await look().catch(() => undefined);
        await after(LOOK_MS, undefined, { signal }).catch(() => undefined);
      }
    };
    void keepLooking();
    yield* lines.take();
  }

  private async pass(run: Run, from: AsyncIterable<LogLine>, to: BoundedQueue<VersionLogLine>): Promise<void> {
    for await (const line of from) await to.put(lineOf(run, line));
  }

  /** Newest first; without those that had ended before `since`. 404 version_not_found. */
  private async runsOf({ namespace, app, version }: VersionPath, since: Date | undefined): Promise<Run[]> {
    const runs = await this.transactions.read(async (tx) => {
      const { version: number } = await this.versions.resolve(tx, namespace, app, version);
      return this.runs.listOfVersion(tx, namespace, app, number, MAX_RUNS);
    });
    return runs.filter(({ stoppedAt }) => !since || !stoppedAt || stoppedAt >= since);
  }
}

function lineOf({ runId, program: { name, type } }: Run, line: LogLine): VersionLogLine {
  return { ...line, runId, program: { name, type } };
}
