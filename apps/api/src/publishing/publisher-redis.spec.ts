import { connectRedisPublisher, connectRedisSubscriber, type PublisherBus, type RouteMessage, type SubscriberBus } from '@app-fabric/bus';
import { busNames, type RouteChange } from '@app-fabric/contracts';
import { eventually } from '../testing/eventually.js';
import { hasRedis, OwnRedis } from '../testing/own-redis.js';
import { PublishingBench, type Replica } from './testing/publishing-bench.js';

const POLL_MS = 1_000;

if (!hasRedis) it.skip('publishing over Redis: redis-server is not on PATH', () => undefined);
else {
  describe('publishing over Redis', () => {
    let redis: OwnRedis;
    let bench: PublishingBench;
    let buses: (PublisherBus | SubscriberBus)[];
    let replicas: Replica[];
    let proxy: SubscriberBus;
    let messages: RouteMessage[];
    let prefix = 0;

    beforeAll(async () => {
      [redis, bench] = [await OwnRedis.start(), await PublishingBench.create()];
    });
    beforeEach(async () => {
      prefix += 1;
      [buses, replicas, messages] = [[], [], []];
      for (let index = 0; index < 2; index += 1) {
        const bus = await connectRedisPublisher(options());
        buses.push(bus);
        replicas.push(await bench.replica(bus, { listens: true }));
      }
      proxy = await connectRedisSubscriber(options());
      buses.push(proxy);
      await proxy.subscribe((message) => messages.push(message));
      for (const replica of replicas) replica.start();
      await published();
    });
    afterEach(async () => {
      await bench.reset();
      for (const bus of buses) await bus.close();
    });
    afterAll(async () => {
      await bench.close();
      await redis.remove();
    });

    function options() {
      return { url: redis.url, prefix: `t${prefix}:` };
    }

    /** Everything that is committed is on Redis, all of it. */
    async function published(): Promise<void> {
      await eventually(async () => {
        for (const { clock } of replicas) clock.advance(POLL_MS);
        const { epoch, revision, published, kept } = await bench.head();
        expect([await proxy.head(), published, kept]).toEqual([{ epoch, revision }, revision, 0]);
      });
    }

    /** App → the revision that its stored document was made of. */
    async function stored(): Promise<Record<string, number>> {
      const texts = [...((await proxy.readAll())?.documents.values() ?? [])];
      const documents = texts.map((json) => JSON.parse(json) as NonNullable<RouteChange['document']>);
      return Object.fromEntries(documents.map(({ routes }) => [routes.app, Number(routes.affinity?.name?.slice(1))]));
    }

    function steps(): number[] {
      return messages.flatMap((message) => (message.type === 'change' ? [(message.change as RouteChange).revision] : []));
    }

    /** The keys of the routes as they are now; the call puts them back, as a restored dump does. */
    async function dump(): Promise<() => Promise<void>> {
      const { documents, head } = busNames(options().prefix);
      const kept = await Promise.all([documents, head].map(async (key) => [key, await redis.command('DUMP', key)] as const));
      return async () => {
        for (const [key, value] of kept) await redis.command('RESTORE', key, '0', value, 'REPLACE');
      };
    }

    it('invariants 5 and 6: 60 writers over two replicas: a subscriber gets every revision once, in order', async () => {
      await Promise.all(Array.from({ length: 60 }, (_, index) => replicas[index % 2]!.change(`app${index % 7}`)));
      await published();
      await eventually(async () => expect(steps()).toEqual(Array.from({ length: 60 }, (_, index) => index + 1)));
    });

    it('Redis emptied: everything is published anew, with the epoch', async () => {
      for (const app of ['a', 'b', 'a']) await replicas[0]!.change(app);
      await published();
      const { epoch } = await bench.head();
      messages.length = 0;
      await redis.command('FLUSHALL');
      await published();
      expect(await stored()).toEqual({ a: 3, b: 2 });
      expect((await bench.head()).epoch).toBe(epoch);
      await eventually(async () => expect(messages).toEqual([{ type: 'reset' }]));
    });

    it('Redis emptied, and a change is committed before anybody looked: nothing is missing', async () => {
      for (const app of ['a', 'b', 'a']) await replicas[0]!.change(app);
      await published();
      await redis.command('FLUSHALL');
      await replicas[0]!.change('c');
      await published();
      expect(await stored()).toEqual({ a: 3, b: 2, c: 4 });
    });

    it('Redis restored to an older state, with and without a change before anybody looked', async () => {
      await replicas[0]!.change('a');
      await published();
      const restore = await dump();
      for (const app of ['b', 'a']) await replicas[0]!.change(app);
      await published();
      await restore();
      await published();
      expect(await stored()).toEqual({ a: 3, b: 2 });
      await restore();
      await replicas[1]!.change('c');
      await published();
      expect(await stored()).toEqual({ a: 3, b: 2, c: 4 });
    });

    it('Redis ahead of the database, which was restored: everything is published under a new epoch', async () => {
      for (const app of ['a', 'b', 'a', 'b']) await replicas[0]!.change(app);
      await published();
      const { epoch } = await bench.head();
      await bench.sql('UPDATE route_head SET revision = 2, published = 2');
      await replicas[1]!.change('c');
      await published();
      const after = await bench.head();
      expect([after.epoch === epoch, after.revision]).toEqual([false, 3]);
      expect(await stored()).toEqual({ a: 3, b: 4, c: 3 });
    });

    it('Redis killed, changes committed meanwhile, an empty Redis started: everything is there', async () => {
      await replicas[0]!.change('a');
      await published();
      await redis.kill();
      await eventually(async () => expect(buses.map(({ connected }) => connected)).toEqual([false, false, false]));
      for (const app of ['b', 'c']) await replicas[1]!.change(app);
      await redis.run();
      await eventually(async () => expect(buses.map(({ connected }) => connected)).toEqual([true, true, true]));
      await published();
      expect(await stored()).toEqual({ a: 1, b: 2, c: 3 });
    });

    it('the holder of the lease dies in the middle of many changes: the other one goes on, nothing is skipped or comes twice', async () => {
      await replicas[0]!.change('a');
      await published();
      const writing = Promise.all(Array.from({ length: 30 }, (_, index) => replicas[1]!.change(`app${index % 5}`)));
      await buses[0]!.close(); // both may hold it: one of them is cut off from Redis and does not let go
      await writing;
      await bench.expireLease();
      await eventually(async () => {
        replicas[1]!.clock.advance(20_000);
        await bench.expireLease();
        expect((await bench.head()).published).toBe(31);
      });
      await eventually(async () => expect(steps()).toEqual(Array.from({ length: 31 }, (_, index) => index + 1)));
    });
  });
}
