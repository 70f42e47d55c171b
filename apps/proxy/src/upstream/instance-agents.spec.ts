import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { InstanceState } from './instance.js';
import { InstanceAgents } from './instance-agents.js';

/** Every event a connection is listened to for, with the number of listeners. */
const listeners = (socket: Socket) => Object.fromEntries(socket.eventNames().map((name) => [String(name), socket.listenerCount(name)]));

describe('InstanceAgents', () => {
  it('invariant 9: a connection that is used again and again gathers no listeners', async () => {
    const server = http.createServer((_request, response) => response.end('ok')).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const agents = new InstanceAgents({ idleMs: 60_000, maxConnections: 1 });
    try {
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      const agent = agents.agentFor(new InstanceState({ id: 'a', url }));
      const seen: { socket: Socket; listeners: Record<string, number> }[] = [];
      for (let request = 0; request < 5; request++) {
        const answered = http.get(url, { agent });
        const [answer] = (await once(answered, 'response')) as [http.IncomingMessage];
        const freed = once(agent, 'free');
        answer.resume();
        const [socket] = (await freed) as [Socket];
        seen.push({ socket, listeners: listeners(socket) });
      }
      const [first, ...later] = seen;
      for (const { socket, listeners: counts } of later) {
        expect(socket).toBe(first?.socket);
        expect(counts).toEqual(first?.listeners);
      }
    } finally {
      agents.close();
      server.close();
    }
  });
});
