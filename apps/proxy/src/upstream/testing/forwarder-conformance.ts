import type { CreateForwarder } from '../forwarder.js';
import { describeAborts } from './conformance/aborts.js';
import { describeBackPressure } from './conformance/back-pressure.js';
import { describeBadAnswers } from './conformance/bad-answers.js';
import { describeBodies } from './conformance/bodies.js';
import { describeBrokenBodies } from './conformance/broken-bodies.js';
import { describeConnectionLifetime } from './conformance/connection-lifetime.js';
import { describeEarlyAnswers } from './conformance/early-answers.js';
import { describeExpectations } from './conformance/expectations.js';
import { describeFailures } from './conformance/failures.js';
import { describeHeaders } from './conformance/headers.js';
import { describeHttp10 } from './conformance/http-1-0.js';
import { describeInterimAnswers } from './conformance/interim-answers.js';
import { describeIsolation } from './conformance/isolation.js';
import { describeLeaving } from './conformance/leaving.js';
import { describeLimits } from './conformance/limits.js';
import { describePipelining } from './conformance/pipelining.js';
import { describeRefusals } from './conformance/refusals.js';
import { describeSmuggling } from './conformance/smuggling.js';
import { type Deviation, Suite } from './conformance/suite.js';
import { describeTargets } from './conformance/targets.js';
import { describeTimeouts } from './conformance/timeouts.js';
import { describeUpgrades } from './conformance/upgrades.js';
import { describeWebSocket } from './conformance/websocket.js';
import { handedOver } from './handed-over.js';

const ROOMS = [
  describeHeaders,
  describeConnectionLifetime,
  describeBackPressure,
  describeTimeouts,
  describeLimits,
  describeEarlyAnswers,
  describeTargets,
  describeInterimAnswers,
  describeHttp10,
  describePipelining,
  describeBodies,
  describeExpectations,
  describeFailures,
  describeBadAnswers,
  describeAborts,
  describeRefusals,
  describeSmuggling,
  describeBrokenBodies,
  describeUpgrades,
  describeLeaving,
  describeWebSocket,
  describeIsolation,
];

/** What may depend on where a connection comes from. */
const ROOMS_OF_CONNECTIONS = [describeConnectionLifetime, describeTimeouts, describeAborts, describeBackPressure, describeEarlyAnswers];

/** Black-box cases over raw sockets that every forwarder must pass, but for the `deviations` that it names with their reasons. */
export function describeForwarder(name: string, createForwarder: CreateForwarder, deviations: readonly Deviation[] = []): void {
  describe(`forwarder conformance: ${name}`, () => {
    const suite = new Suite(createForwarder, deviations);
    for (const describeRoom of ROOMS) describeRoom(suite);
    suite.assertNoStrayDeviation();
  });
}

/** The same for connections that another process has accepted: the rooms in which that could make a difference. */
export function describeHandedOver(name: string, createForwarder: CreateForwarder, deviations: readonly Deviation[] = []): void {
  describe(`forwarder conformance: ${name}, connections accepted by another process`, () => {
    const suite = new Suite(handedOver(createForwarder), deviations);
    for (const describeRoom of ROOMS_OF_CONNECTIONS) describeRoom(suite);
  });
}
