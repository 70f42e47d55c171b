import type { InstanceSpec } from './program-runtime.js';

/** Marks the processes of an instance: they are found by it when the control plane died before it could note their number. */
export const INSTANCE_VARIABLE = 'FABRIC_INSTANCE_ID';

/** All that a program inherits from the control plane. Anything more could hand it a secret (DATABASE_URL, FABRIC_ADMIN_TOKEN, …). */
const INHERITED = ['PATH', 'LANG', 'LC_ALL', 'LC_CTYPE', 'TZ'] as const;
const DEFAULT_PATH = '/usr/local/bin:/usr/bin:/bin';

/**
 * The environment of a program's process: `PORT` and `FABRIC_*` of the contract, then the artifact's own variables, then those of the
 * namespace (an artifact is the same everywhere: what it fixes is what was tested), then a minimal base: what is in {@link INHERITED},
 * and `HOME`, which is the run's folder.
 */
export function programEnvironment(
  spec: InstanceSpec,
  place: { port: number; folder: string },
  own: NodeJS.ProcessEnv,
): Record<string, string> {
  const base: Record<string, string> = { PATH: DEFAULT_PATH, HOME: place.folder };
  for (const name of INHERITED) {
    const value = own[name];
    if (value) base[name] = value;
  }
  const namespace = Object.entries(spec.variables ?? {}).map(([name, { value }]): [string, string] => [name, value]);
  return {
    ...base,
    ...Object.fromEntries([...namespace, ...Object.entries(spec.env)].filter(([name]) => name !== 'PORT' && !name.startsWith('FABRIC_'))),
    PORT: String(place.port),
    FABRIC_NAMESPACE: spec.namespace,
    FABRIC_APP: spec.app,
    FABRIC_VERSION: String(spec.version),
    FABRIC_ARTIFACT_VERSION: spec.artifactVersion,
    FABRIC_PROGRAM: spec.program.name,
    FABRIC_RUN_ID: spec.runId,
    [INSTANCE_VARIABLE]: spec.instanceId,
    FABRIC_CONFIG: JSON.stringify(spec.config ?? {}),
  };
}
