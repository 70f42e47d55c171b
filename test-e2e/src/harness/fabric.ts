import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FabricClient, Shop, Traffic } from '@app-fabric/scenario';
import { type OwnDatabase, ownDatabase } from './own-database.js';
import { type OwnServer, ownPostgres, ownRedis } from './own-server.js';
import { type Exit, Program, type ReadyLine } from './program.js';
import { killProcessesOf } from './program-processes.js';

export interface FabricOptions {
  proxies?: number;
  /** Worker processes of each proxy. */
  workers?: number;
  /** A PostgreSQL server of its own, that may be killed. */
  ownPostgres?: boolean;
  /** Further settings of all programs. */
  settings?: Record<string, string>;
}

type RunningProgram = Program & { ready: ReadyLine };

/** One API and some proxies as separate programs, with a database and a Redis of their own. */
export class Fabric {
  readonly token = randomBytes(16).toString('hex');
  readonly suffix = randomBytes(4).toString('hex');
  api!: RunningProgram;
  readonly proxies: RunningProgram[] = [];
  redis!: OwnServer;
  postgres: OwnServer | undefined;
  private database!: OwnDatabase;
  private folder = '';
  private workers = 1;
  private further: Record<string, string> = {};
  private readonly apps = new Set<string>();
  private readonly traffics: Traffic[] = [];

  static async start(options: FabricOptions = {}): Promise<Fabric> {
    const fabric = new Fabric();
    try {
      await fabric.open(options);
      return fabric;
    } catch (error) {
      await fabric.stop();
      throw error;
    }
  }

  private async open(options: FabricOptions): Promise<void> {
    this.workers = options.workers ?? 1;
    this.further = options.settings ?? {};
    this.folder = await mkdtemp(join(tmpdir(), 'fabric-e2e-'));
    if (options.ownPostgres) this.postgres = await ownPostgres();
    this.database = await ownDatabase(this.postgres?.url);
    this.redis = await ownRedis();
    const migrated = await Program.spawn('migrate', 'apps/api/dist/migrate.js', this.settings('migrate')).exited;
    if (migrated.code !== 0) throw new Error(`migrate ended with ${migrated.code ?? migrated.signal}`);
    await this.startApi();
    for (let index = 0; index < (options.proxies ?? 2); index += 1) await this.startProxy(index);
  }

  async startApi(): Promise<void> {
    this.api = await Program.start('api', 'apps/api/dist/main.js', {
      ...this.settings('api'),
      FABRIC_ADMIN_TOKEN: this.token,
      FABRIC_API_PORT: '0',
      FABRIC_PROCESS_RUNTIME: 'on',
    });
  }

  /** Starts proxy `index`, or starts it again with the data folder it had. */
  async startProxy(index: number, ports: { proxy?: string; admin?: string } = {}): Promise<RunningProgram> {
    const settings = {
      ...this.settings(`proxy-${index}`),
      FABRIC_PROXY_PORT: ports.proxy ?? '0',
      FABRIC_PROXY_ADMIN_PORT: ports.admin ?? '0',
      FABRIC_PROXY_WORKERS: String(this.workers),
    };
    const proxy = await Program.start(`proxy-${index}`, 'apps/proxy/dist/main.js', settings);
    this.proxies[index] = proxy;
    return proxy;
  }

  get client(): FabricClient {
    return new FabricClient(this.api.ready.api!, this.token);
  }

  get proxyUrls(): string[] {
    return this.proxies.map((proxy) => proxy.ready.proxy!);
  }

  get adminUrls(): string[] {
    return this.proxies.map((proxy) => proxy.ready.proxyAdmin!);
  }

  /** An app name that no other test uses, so that its processes can be told apart. */
  appName(name: string): string {
    const app = `${name}-${this.suffix}`;
    this.apps.add(app);
    return app;
  }

  /** The sample under an app of its own. */
  shop(name: string): Shop {
    return new Shop(this.client, 'default', this.appName(name), 20);
  }

  /** Constant load on that app, over all proxies; ended with the fabric at the latest. */
  traffic(app: string, clients = 8, pauseMs = 2): Traffic {
    const traffic = new Traffic({ proxies: this.proxyUrls, namespace: 'default', app, clients, pauseMs });
    this.traffics.push(traffic);
    traffic.start();
    return traffic;
  }

  /** `method path` of the cart, through proxy `index`. */
  cartUrl(app: string, path: string, index = 0, version = ''): string {
    const pinned = version === '' ? '' : `/versions/${version}`;
    return `${this.proxies[index]!.ready.proxy}/namespaces/default/apps/${app}${pinned}/services/cart/methods${path}`;
  }

  /** Ends everything and removes every trace. Gives how API and proxies ended. */
  async stop(): Promise<Exit[]> {
    await Promise.all(this.traffics.map((traffic) => traffic.stop()));
    const programs = [...this.proxies, this.api].filter(Boolean);
    const exits = [];
    for (const program of programs) exits.push(await program.stop());
    for (const app of this.apps) await killProcessesOf(app);
    await this.database?.remove().catch(() => undefined);
    await this.redis?.remove();
    await this.postgres?.remove();
    if (this.folder) await rm(this.folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
    return exits;
  }

  private settings(name: string): Record<string, string> {
    return {
      DATABASE_URL: this.database.url,
      REDIS_URL: this.redis.url,
      FABRIC_DATA_DIR: join(this.folder, name),
      FABRIC_LOG_LEVEL: 'warn',
      ...this.further,
    };
  }
}
