import { once } from 'node:events';
import { type AddressInfo, connect, createServer, Socket } from 'node:net';
import { readInto } from './accepted-socket.js';

describe('an accepted connection', () => {
  it('is read into the given memory, and its server knows when it has ended', async () => {
    const memory = Buffer.alloc(64);
    const read: string[] = [];
    const server = createServer({ allowHalfOpen: true }, (accepted) => {
      const callback = (bytes: number, buffer: Uint8Array) => {
        expect(buffer).toBe(memory);
        read.push(memory.toString('latin1', 0, bytes));
        socket.write(`${read.join('')}!`);
        return true;
      };
      const socket = readInto(accepted, { buffer: () => memory, callback });
      expect(socket).not.toBe(accepted);
      socket.once('end', () => socket.end('bye'));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
    client.write('hello');
    expect(String((await once(client, 'data'))[0])).toBe('hello!');
    client.end();
    expect(String((await once(client, 'data'))[0])).toBe('bye');
    const connections = await new Promise((resolve) => server.getConnections((_, count) => resolve(count)));
    expect(connections).toBeLessThanOrEqual(1);
    // Resolves only when no connection is left.
    await new Promise<void>((resolve) => server.close(() => resolve()));
    expect(read).toEqual(['hello']);
  });

  it('that is gone, or whose handle is kept from us, stays as it is', () => {
    const onread = { buffer: () => Buffer.alloc(1), callback: () => true };
    const gone = new Socket().destroy();
    const closed = Object.defineProperty(new Socket(), '_handle', { value: undefined });
    for (const socket of [gone, closed]) expect(readInto(socket, onread)).toBe(socket);
  });
});
