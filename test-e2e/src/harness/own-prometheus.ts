import { spawn, spawnSync } from 'node:child_process';
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { sendHttp } from '@app-fabric/scenario';
import { parse, stringify } from 'yaml';
import { freePort } from './free-port.js';
import { type OwnServer, ownServer } from './own-server.js';

/** What is ready-made for Prometheus. */
export const PROMETHEUS_FILES = join(dirname(fileURLToPath(import.meta.url)), '../../../docker/prometheus');

interface Config {
  global: Record<string, string>;
  rule_files: string[];
  alerting?: unknown;
  scrape_configs: { job_name: string; static_configs: { targets: string[] }[] }[];
}

export interface Sample {
  metric: Record<string, string>;
  value: number;
}

/** A Prometheus with the ready-made configuration, but for what it looks at and how often. */
export class OwnPrometheus {
  private constructor(private readonly server: OwnServer) {}

  /** @param targets by job: `host:port` */
  static async start(targets: Record<string, string[]>): Promise<OwnPrometheus> {
    const config = parse(await readFile(join(PROMETHEUS_FILES, 'prometheus.yml'), 'utf8')) as Config;
    config.global = { scrape_interval: '1s', evaluation_interval: '1s' };
    config.rule_files = config.rule_files.map((file) => join(PROMETHEUS_FILES, file));
    delete config.alerting;
    for (const job of config.scrape_configs) job.static_configs = [{ targets: targets[job.job_name] ?? [] }];
    const folder = await mkdtemp(join(tmpdir(), 'fabric-e2e-prometheus-'));
    const file = join(folder, 'prometheus.yml');
    await writeFile(file, stringify(config));
    const url = `http://127.0.0.1:${await freePort()}`;
    const options = [
      `--config.file=${file}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=${new URL(url).host}`,
      '--log.level=error',
    ];
    const server = await ownServer({
      url,
      folder,
      spawn: () => spawn('prometheus', options, { stdio: ['ignore', 'ignore', 'inherit'] }),
      answers: async () => ((await sendHttp('GET', `${url}/-/ready`)).status === 200 ? true : undefined),
    });
    return new OwnPrometheus(server);
  }

  /** The samples of an instant query. */
  async query(expression: string): Promise<Sample[]> {
    const { result } = await this.ask<{ result: { metric: Record<string, string>; value: [number, string] }[] }>(
      `query?query=${encodeURIComponent(expression)}`,
    );
    return result.map(({ metric, value }) => ({ metric, value: Number(value[1]) }));
  }

  /** Names of the alerts that fire, with the app that they are about. */
  async firing(): Promise<{ name: string; app: string | undefined }[]> {
    const { alerts } = await this.ask<{ alerts: { labels: Record<string, string>; state: string }[] }>('alerts');
    return alerts.filter(({ state }) => state === 'firing').map(({ labels }) => ({ name: labels.alertname!, app: labels.app }));
  }

  stop(): Promise<void> {
    return this.server.remove();
  }

  private async ask<T>(path: string): Promise<T> {
    const { body } = await sendHttp('GET', `${this.server.url}/api/v1/${path}`);
    const answer = body as { status: string; error?: string; data: T };
    if (answer.status !== 'success') throw new Error(`${path}: ${answer.error}`);
    return answer.data;
  }
}

/** What promtool says; null: it has nothing to complain of. */
export function promtool(args: readonly string[], input = ''): string | null {
  const { status, stdout, stderr } = spawnSync('promtool', [...args], { input, encoding: 'utf8', cwd: PROMETHEUS_FILES });
  return status === 0 ? null : `${stdout}${stderr}`;
}
