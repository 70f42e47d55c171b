import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const text = (path: string) => readFileSync(join(root, path), 'utf8');

interface Manifest {
  name: string;
  dependencies?: Record<string, string>;
}
interface Service {
  profiles?: string[];
  image?: string;
  build?: { context: string; dockerfile: string };
  command?: string[];
  environment?: Record<string, string | null>;
  ports?: string[];
  volumes?: string[];
  healthcheck?: { test?: string[]; disable?: boolean };
  depends_on?: Record<string, { condition: string }>;
  restart?: string;
  read_only?: boolean;
  stop_grace_period?: string;
}
const compose = parse(text('docker/compose.yaml'), { merge: true }) as {
  services: Record<string, Service>;
  volumes: Record<string, null>;
};

/** The lines of a Dockerfile with continuations joined, without comments. */
function dockerfile(app: string): string[] {
  const lines = text(`docker/${app}.Dockerfile`).split('\n');
  return lines
    .filter((line) => !line.startsWith('#'))
    .join('\n')
    .replaceAll('\\\n', ' ')
    .split('\n');
}
const lastStage = (app: string) => dockerfile(app).slice(dockerfile(app).findLastIndex((line) => line.startsWith('FROM ')));
const words = (lines: string[], instruction: string) =>
  lines.filter((line) => line.startsWith(`${instruction} `)).map((line) => line.split(/\s+/).slice(1));
const exposed = (app: string) => words(lastStage(app), 'EXPOSE').flat();

/** A row of the README's table of settings: the default of a variable, null when it is none of ours. */
function defaultOf(variable: string): string | null {
  const row = text('README.md')
    .split('\n')
    .find((line) => line.startsWith('|') && line.split('|')[1]?.includes(`\`${variable}\``));
  if (row === undefined) return null;
  const [, names = '', defaults = ''] = row.split('|').map((cell) => cell.split(',').map((part) => part.trim()));
  return defaults[defaults.length > 1 ? names.indexOf(`\`${variable}\``) : 0] ?? null;
}

const PORTS = { api: ['FABRIC_API_PORT'], proxy: ['FABRIC_PROXY_PORT', 'FABRIC_PROXY_ADMIN_PORT'] };

describe.each(['api', 'proxy'] as const)('docker/%s.Dockerfile', (app) => {
  const manifest = (folder: string) => JSON.parse(text(`${folder}/package.json`)) as Manifest;
  const sources = words(dockerfile(app), 'COPY')
    .filter(([first]) => !first?.startsWith('--from'))
    .flatMap((copied) => copied.slice(0, -1));

  it('copies what exists, and what .dockerignore lets through', () => {
    const allowed = text('.dockerignore').split('\n');
    expect(sources).toContain(`apps/${app}`);
    for (const source of sources) {
      expect(existsSync(join(root, source))).toBe(true);
      expect(allowed).toContain(`!${source.split('/')[0]}`);
    }
  });

  it('copies every workspace that the program depends on, and builds the program by its name', () => {
    const folders = ['apps', 'libs'].flatMap((parent) => readdirSync(join(root, parent)).map((name) => `${parent}/${name}`));
    const folderOf = new Map(folders.map((folder) => [manifest(folder).name, folder]));
    const needed = new Set([`apps/${app}`]);
    for (const folder of needed) {
      const { dependencies = {} } = manifest(folder);
      for (const [name, range] of Object.entries(dependencies)) if (range.startsWith('workspace:')) needed.add(folderOf.get(name) ?? name);
    }
    for (const folder of needed) expect(sources.some((source) => `${folder}/`.startsWith(`${source}/`)) ? folder : '').toBe(folder);
    expect(dockerfile(app).join('\n')).toContain(`--filter ${manifest(`apps/${app}`).name} `);
  });

  it('is built and run by a Node.js that the program allows', () => {
    const least = /(\d+)\.(\d+)/.exec((JSON.parse(text('package.json')) as { engines: { node: string } }).engines.node);
    const images = words(dockerfile(app), 'FROM').map(([image]) => /^node:(\d+)\.(\d+)/.exec(image ?? ''));
    expect(images).toHaveLength(2);
    for (const image of images) {
      expect(Number(image?.[1]) * 1_000 + Number(image?.[2])).toBeGreaterThanOrEqual(Number(least?.[1]) * 1_000 + Number(least?.[2]));
    }
  });

  it('runs as a user by number, exposes the default ports, and asks after its health on one of them', () => {
    const ports = PORTS[app].map(defaultOf);
    expect(words(lastStage(app), 'USER')).toEqual([['1000:1000']]);
    expect(exposed(app)).toEqual(ports);
    const health = lastStage(app).find((line) => line.startsWith('HEALTHCHECK')) ?? '';
    const [, variable = '', port = ''] = /process\.env\.(\w+) \|\| (\d+)/.exec(health) ?? [];
    expect([PORTS[app].includes(variable), port]).toEqual([true, defaultOf(variable)]);
  });

  it('sets only variables that are settings', () => {
    const set = words(lastStage(app), 'ENV').flat();
    const names = set.map((pair) => pair.split('=')[0] ?? '').filter((name) => name !== 'NODE_ENV');
    expect(names.map(defaultOf)).not.toContain(null);
    expect(names).toContain('FABRIC_DATA_DIR');
  });
});

describe('docker/compose.yaml', () => {
  const built = Object.entries(compose.services).filter(([, { build }]) => build !== undefined);

  it('has one API, two proxies, and the migrations before the API', () => {
    expect(built.map(([name, service]) => `${name}: ${appOf(service)}`)).toEqual([
      'migrate: api',
      'api: api',
      'proxy-1: proxy',
      'proxy-2: proxy',
    ]);
    expect(compose.services.api?.depends_on?.migrate).toEqual({ condition: 'service_completed_successfully' });
    expect(compose.services.migrate).toMatchObject({ command: ['node', 'dist/migrate.js'], restart: 'no' });
    expect(existsSync(join(root, 'apps/api/src/migrate.ts'))).toBe(true);
  });

  it('waits only for what there is and what can say that it is healthy', () => {
    for (const { depends_on = {} } of Object.values(compose.services)) {
      for (const [name, { condition }] of Object.entries(depends_on)) {
        const service = compose.services[name];
        expect(service).toBeDefined();
        if (condition === 'service_healthy') expect(service?.healthcheck?.test ?? []).not.toEqual([]);
        else expect([condition, service?.restart]).toEqual(['service_completed_successfully', 'no']);
      }
    }
  });

  it.each(built)('%s: its settings, ports and volumes are those of the program', (_name, service) => {
    for (const variable of Object.keys(service.environment ?? {})) expect([variable, defaultOf(variable)]).not.toContain(null);
    for (const port of service.ports ?? []) {
      expect(port).toMatch(/^127\.0\.0\.1:\d+:\d+$/);
      expect(exposed(appOf(service))).toContain(port.split(':')[2]);
    }
    const dataDir = words(lastStage(appOf(service)), 'VOLUME').flat();
    for (const volume of service.volumes ?? []) {
      expect(Object.keys(compose.volumes)).toContain(volume.split(':')[0]);
      expect(dataDir).toEqual([volume.split(':')[1]]);
    }
    expect(service.read_only).toBe(true);
    // Longer than a program takes at most to finish requests: 30 s, then 1 s for the bus.
    expect(Number.parseInt(service.stop_grace_period ?? '0', 10)).toBeGreaterThanOrEqual(35);
  });
});

describe('what looks at the rest', () => {
  const observers = Object.entries(compose.services).filter(([, { profiles }]) => profiles !== undefined);
  const yaml = (path: string) => parse(text(`docker/${path}`)) as Record<string, never>;
  /** Without a profile, and what it may be asked for by others: `service:port`. */
  const programs = Object.entries(compose.services).filter(([, { profiles }]) => profiles === undefined);
  const portsOf = ({ ports = [] }: Service) => ports.map((port) => port.split(':')[2]);

  it('is started on demand only, on loopback only, from images of a fixed version', () => {
    expect(observers.map(([name]) => name).sort()).toEqual(['alertmanager', 'grafana', 'jaeger', 'otel-collector', 'prometheus']);
    expect(programs.map(([name]) => name)).toEqual(['postgres', 'redis', 'migrate', 'api', 'proxy-1', 'proxy-2']);
    for (const [, { profiles, image, ports = [] }] of observers) {
      expect(profiles).toEqual(['observability']);
      expect(image).toMatch(/:v?\d+\.\d+\.\d+$/);
      for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:(\d+):\1$/);
    }
    const published = Object.values(compose.services).flatMap(({ ports = [] }) => ports.map((port) => port.split(':')[1]));
    expect(new Set(published).size).toBe(published.length);
  });

  it('mounts what there is, where the program looks for it', () => {
    for (const [, { command = [], volumes = [] }] of observers) {
      const mounts = volumes.map((volume) => volume.split(':'));
      for (const [source = ''] of mounts) {
        if (source.startsWith('./')) expect(existsSync(join(root, 'docker', source))).toBe(true);
        else expect(Object.keys(compose.volumes)).toContain(source);
      }
      const config = command.find((option) => /^--config(\.file)?=/.test(option))?.split('=')[1];
      if (config === undefined) continue;
      const [source = '', target = ''] = mounts.find(([, inside = '']) => config.startsWith(inside)) ?? [];
      expect(existsSync(join(root, 'docker', source, config.slice(target.length)))).toBe(true);
    }
  });

  it('Prometheus asks the API and every proxy, at the ports that show metrics, and tells Alertmanager', () => {
    const config = yaml('prometheus/prometheus.yml') as unknown as {
      scrape_configs: { job_name: string; static_configs: { targets: string[] }[] }[];
      alerting: { alertmanagers: { static_configs: { targets: string[] }[] }[] };
    };
    const targets = config.scrape_configs.flatMap(({ static_configs }) => static_configs.flatMap((one) => one.targets));
    const shown = programs.filter(([, service]) => ['api', 'proxy'].includes(appOf(service)) && service.ports !== undefined);
    expect(targets).toEqual(shown.map(([name, service]) => `${name}:${portsOf(service).at(-1)}`));
    const alertmanagers = config.alerting.alertmanagers.flatMap(({ static_configs }) => static_configs.flatMap((one) => one.targets));
    expect(alertmanagers).toEqual([`alertmanager:${portsOf(compose.services.alertmanager ?? {})[0]}`]);
  });

  it('Grafana and the collector ask and tell services that there are', () => {
    const { datasources } = yaml('grafana/provisioning/datasources/prometheus.yml') as unknown as { datasources: { url: string }[] };
    for (const { url } of datasources) {
      const { hostname, port } = new URL(url);
      expect(portsOf(compose.services[hostname] ?? {})).toEqual([port]);
    }
    const { exporters } = yaml('otel-collector/collector.yaml') as unknown as { exporters: Record<string, { endpoint?: string }> };
    const hosts = Object.values(exporters).flatMap(({ endpoint }) => (endpoint === undefined ? [] : [endpoint.split(':')[0] ?? '']));
    expect(hosts).toEqual(['jaeger']);
    for (const host of hosts) expect(Object.keys(compose.services)).toContain(host);
    for (const name of ['api', 'proxy-1', 'proxy-2'])
      expect(compose.services[name]?.environment).toHaveProperty('OTEL_EXPORTER_OTLP_ENDPOINT', null);
  });
});

function appOf({ build }: Service): string {
  return /^docker\/(\w+)\.Dockerfile$/.exec(build?.dockerfile ?? '')?.[1] ?? '';
}
