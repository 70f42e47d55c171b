import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { Acceptor, Receiver } from './acceptor.js';

describe('Acceptor', () => {
  let acceptor: Acceptor;
  let port: number;
  let clients: Socket[];

  beforeEach(async () => {
    acceptor = new Acceptor();
    ({ port } = await acceptor.listen('127.0.0.1', 0));
    clients = [];
  });

  afterEach(() => {
    for (const client of clients) client.destroy();
    acceptor.close();
  });

  /** `answers`: it says at once that it has what it is given. */
  function receiver(answers = true) {
    const got: number[] = [];
    const made = new Receiver((id) => {
      got.push(id);
      if (answers) acceptor.arrived(made, id);
    });
    return { made, got };
  }

  /** Connects; resolves when the acceptor has dealt with it. */
  async function client(dealtWith: () => number): Promise<Socket> {
    const before = dealtWith();
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => undefined);
    clients.push(socket);
    await once(socket, 'connect');
    await until(() => dealtWith() > before);
    return socket;
  }

  it('gives each connection to the one that has the fewest', async () => {
    const [a, b] = [receiver(), receiver()];
    acceptor.add(a.made);
    acceptor.add(b.made);
    const all = () => a.got.length + b.got.length;
    for (let index = 0; index < 6; index += 1) await client(all);
    expect([a.got.length, b.got.length]).toEqual([3, 3]);
    acceptor.counted(a.made, 0);
    for (let index = 0; index < 3; index += 1) await client(all);
    expect([a.got.length, b.got.length]).toEqual([6, 3]);
    const c = receiver();
    acceptor.add(c.made);
    await client(() => c.got.length);
  });

  it('what has not arrived at one that is gone is given to another; what has arrived is not', async () => {
    const [a, b] = [receiver(), receiver(false)];
    acceptor.add(b.made);
    for (let index = 0; index < 3; index += 1) await client(() => b.got.length);
    acceptor.arrived(b.made, b.got[0]!);
    acceptor.add(a.made);
    acceptor.remove(b.made);
    expect(a.got).toHaveLength(2);
  });

  it('gives nothing more to one that does not take what it was given a tick ago, until it does', async () => {
    const [a, b] = [receiver(), receiver(false)];
    acceptor.add(b.made);
    await client(() => b.got.length);
    acceptor.add(a.made);
    acceptor.tick();
    acceptor.tick();
    for (let index = 0; index < 4; index += 1) await client(() => a.got.length);
    expect(b.got).toHaveLength(1);
    acceptor.arrived(b.made, b.got[0]!);
    await client(() => b.got.length);
  });

  it('a connection waits for the first receiver, for some ticks; then it is closed', async () => {
    const [early, late] = [connect(port, '127.0.0.1'), connect(port, '127.0.0.1')];
    clients.push(early, late);
    await until(() => acceptor.waiting === 2);
    const closed = [once(early, 'close'), once(late, 'close')];
    for (const socket of clients) socket.resume();
    for (let ticks = 0; ticks < 6; ticks += 1) acceptor.tick();
    await Promise.all(closed);
    expect(acceptor.waiting).toBe(0);
    clients.push(connect(port, '127.0.0.1'));
    await until(() => acceptor.waiting === 1);
    acceptor.tick();
    const a = receiver();
    acceptor.add(a.made);
    expect(a.got).toHaveLength(1);
  });

  it('closed: the port is free, and what waits is closed', async () => {
    const waiting = connect(port, '127.0.0.1');
    clients.push(waiting);
    waiting.resume();
    await once(waiting, 'connect');
    await until(() => acceptor.waiting === 1);
    const closed = once(waiting, 'close');
    acceptor.close();
    await closed;
    const again = new Acceptor();
    expect((await again.listen('127.0.0.1', port)).port).toBe(port);
    again.close();
  });
});

async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error('the condition was not met in time');
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
