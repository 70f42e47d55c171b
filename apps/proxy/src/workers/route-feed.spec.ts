import type { RouteDocument } from '@app-fabric/contracts';
import type { RouteStanding } from '../request-side.js';
import { routeDocument } from '../table/testing/fake-bus.js';
import type { ToWorker } from './messages.js';
import { NO_STEP, RouteFeed } from './route-feed.js';

type Sent = Extract<ToWorker, { type: 'routes' }>;

function standing(revision: number): RouteStanding {
  return { applied: { epoch: 'e', revision }, seenRevision: revision, rejected: [], lastRejection: null };
}

function put(feed: RouteFeed, document: RouteDocument): void {
  feed.put(`default/${document.routes.app}`, document, JSON.stringify(document));
}

function bench() {
  const feed = new RouteFeed();
  const follow = () => {
    const sent: Sent[] = [];
    const follower = feed.follow((message) => sent.push(message as Sent), NO_STEP);
    return { follower, sent };
  };
  const publish = (revision: number, ...apps: string[]) => {
    for (const app of apps) put(feed, routeDocument(app, revision));
    feed.stepDone(standing(revision), true);
  };
  return { feed, follow, publish };
}

const apps = (documents: string[]) =>
  documents.map((json) => JSON.parse(json) as RouteDocument).map(({ routes, revision }) => `${routes.app}@${revision}`);

describe('RouteFeed', () => {
  it('a worker begins with everything, and has applied it when it says so', () => {
    const { follow, publish } = bench();
    publish(1, 'a', 'b');
    const { follower, sent } = follow();
    expect(sent).toHaveLength(1);
    expect([apps(sent[0]!.put), sent[0]!.whole, sent[0]!.hasTable]).toEqual([['a@1', 'b@1'], true, true]);
    expect([follower.hasApplied, follower.applied]).toEqual([false, NO_STEP]);
    follower.acknowledged();
    expect([follower.hasApplied, follower.applied.standing.applied?.revision]).toEqual([true, 1]);
    expect(sent).toHaveLength(1);
  });

  it('says so when there is no table yet', () => {
    const { follow } = bench();
    expect(follow().sent).toEqual([{ type: 'routes', put: [], removed: [], whole: true, hasTable: false }]);
  });

  it('one message at a time: what changes meanwhile is sent once, as it is then', () => {
    const { feed, follow, publish } = bench();
    const { follower, sent } = follow();
    for (let revision = 1; revision <= 50; revision += 1) publish(revision, 'a', 'b');
    feed.remove('default/b');
    feed.stepDone(standing(51), true);
    expect(sent).toHaveLength(1);
    follower.acknowledged();
    expect(sent).toHaveLength(2);
    expect([apps(sent[1]!.put), sent[1]!.removed, sent[1]!.whole]).toEqual([['a@50'], ['default/b'], true]);
    expect(follower.applied.number).toBe(0);
    follower.acknowledged();
    expect(follower.applied.standing.applied?.revision).toBe(51);
    expect(sent).toHaveLength(2);
  });

  it('a large table comes in parts, and is not applied before the last', () => {
    const { follow, publish } = bench();
    publish(1, ...Array.from({ length: 450 }, (_, index) => `a${index}`));
    const { follower, sent } = follow();
    const steps = [];
    for (let part = 0; part < 3; part += 1) {
      steps.push([sent[part]!.put.length, sent[part]!.whole, follower.hasApplied]);
      follower.acknowledged();
    }
    expect(steps).toEqual([
      [200, false, false],
      [200, false, false],
      [50, true, false],
    ]);
    expect([follower.hasApplied, sent.length]).toEqual([true, 3]);
  });

  it('large documents come in more parts', () => {
    const { feed, follow } = bench();
    for (const app of ['a', 'b', 'c']) feed.put(`default/${app}`, routeDocument(app, 1), ' '.repeat(600_000));
    feed.stepDone(standing(1), true);
    const { follower, sent } = follow();
    follower.acknowledged();
    expect(sent.map((message) => [message.put.length, message.whole])).toEqual([
      [2, false],
      [1, true],
    ]);
  });

  it('a change that comes between two parts belongs to the step that the last part completes', () => {
    const { follow, publish } = bench();
    publish(1, ...Array.from({ length: 250 }, (_, index) => `a${index}`));
    const { follower, sent } = follow();
    publish(2, 'a0');
    follower.acknowledged();
    expect([apps(sent[1]!.put).includes('a0@2'), sent[1]!.whole]).toEqual([true, true]);
    follower.acknowledged();
    expect(follower.applied.standing.applied?.revision).toBe(2);
  });

  it('refuses what cannot be compiled: no worker hears of it', () => {
    const { feed, follow, publish } = bench();
    publish(1, 'a');
    const { follower, sent } = follow();
    follower.acknowledged();
    const bad = routeDocument('a', 2);
    bad.routes.weights = { 1: 9_999 };
    expect(() => put(feed, bad)).toThrow();
    feed.stepDone(standing(1), true);
    expect(sent[1]).toMatchObject({ put: [], removed: [] });
  });
});
