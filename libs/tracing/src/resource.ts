import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { defaultResource, detectResources, envDetector, type Resource, resourceFromAttributes } from '@opentelemetry/resources';
import type { TracedProgram, TracingLog } from './tracing.js';

const instanceIds = new WeakMap<TracedProgram, string>();

/** What everything that a program sends says of it: spans and log lines are of the same instance. */
export function resourceOf(program: TracedProgram, log: TracingLog): Resource {
  const { name, attributes } = program;
  const own = {
    'service.name': name,
    'service.namespace': 'app-fabric',
    'service.instance.id': instanceIdOf(program),
    'host.name': hostname(),
    'process.pid': process.pid,
    ...attributes,
  };
  const said = detectResources({ detectors: [envDetector] });
  // The SDK drops all of it for one mistake, and says so to nobody.
  const asked = process.env.OTEL_RESOURCE_ATTRIBUTES?.trim();
  if (asked && Object.keys(said.attributes).every((key) => key === 'service.name') && !/^service\.name=[^,]*$/.test(asked))
    log.warn({}, 'OTEL_RESOURCE_ATTRIBUTES cannot be read and is ignored: it must be key=value,key=value');
  return defaultResource().merge(resourceFromAttributes(own)).merge(said);
}

function instanceIdOf(program: TracedProgram): string {
  const known = instanceIds.get(program) ?? randomUUID();
  instanceIds.set(program, known);
  return known;
}
