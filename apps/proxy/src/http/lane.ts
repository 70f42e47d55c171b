import type { RouteChoice } from '@app-fabric/routing';
import type { ServicePlace, TrafficMeters, VersionSeries } from '../measurements/traffic-meters.js';
import type { InstanceState } from '../upstream/instance.js';
import { attemptStart } from './forwarded.js';

/** What requests share that go to one version of a service for one reason. */
export interface Lane {
  readonly series: VersionSeries;
  /** What instances are told, up to the request's id. */
  readonly attemptStart: string;
  /** What clients are told, up to the request's id. */
  readonly answerStart: string;
}

/** A lane for each choice of the table, made when the first request takes it; goes with the choice. */
export class Lanes {
  readonly #lanes = new WeakMap<RouteChoice<InstanceState>, Lane>();

  constructor(private readonly meters: TrafficMeters) {}

  /** @param place what the choice is of */
  of(choice: RouteChoice<InstanceState>, place: ServicePlace): Lane {
    const known = this.#lanes.get(choice);
    if (known !== undefined && !known.series.forgotten) return known;
    const { versionText, artifactVersion } = choice.version;
    const lane = {
      series: this.meters.versionOf(place, choice.version.version),
      attemptStart: attemptStart(versionText),
      answerStart: `X-App-Version: ${versionText}\r\nX-Artifact-Version: ${artifactVersion}\r\nX-Route-Reason: ${choice.reason}\r\nX-Request-Id: `,
    };
    // What finds no room among the meters now may find it later.
    if (lane.series !== this.meters.overflow) this.#lanes.set(choice, lane);
    return lane;
  }
}
