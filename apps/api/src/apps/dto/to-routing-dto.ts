import { type AudienceRule, fromRecord, type MirrorTarget, toPercentages } from '@app-fabric/routing';
import type { Routing } from '../app.js';
import type { AudienceDto, MirrorTargetDto, RoutingDto } from './routing.dto.js';

/** Routing as it was put: percentages, and only what was set. */
export function toRoutingDto({ fallback, onUnavailable, affinity, pinByAccept, audiences, mirror, limits }: Routing): RoutingDto {
  return {
    fallback,
    onUnavailable,
    ...(affinity ? { affinity } : {}),
    ...(pinByAccept ? { pinByAccept } : {}),
    ...(audiences.length > 0 ? { audiences: audiences.map(toAudienceDto) } : {}),
    ...(mirror ? { mirror: { ...toMirrorDto(mirror), ...(mirror.services ? { services: mirrors(mirror.services) } : {}) } } : {}),
    ...(limits ? { limits } : {}),
  };
}

function toAudienceDto({ name, when, then }: AudienceRule): AudienceDto {
  return { name, when, then: 'version' in then ? { version: then.version } : { weights: toPercentages(fromRecord(then.weights)) } };
}

function toMirrorDto({ version, shareBp, maxBodyBytes }: MirrorTarget): MirrorTargetDto {
  return { version, percent: shareBp / 100, ...(maxBodyBytes === undefined ? {} : { maxBodyBytes }) };
}

function mirrors(services: Record<string, MirrorTarget>): Record<string, MirrorTargetDto> {
  return Object.fromEntries(Object.entries(services).map(([name, target]) => [name, toMirrorDto(target)]));
}
