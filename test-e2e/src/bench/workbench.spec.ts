import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { LOAD_CPU, Workbench } from './workbench.js';

const node = (script: string) => ({ name: 'script', program: process.execPath, args: ['-e', script], cpu: LOAD_CPU });

describe('a workbench', () => {
  it('ends the servers that it has started, also one that ignores the first word, and leaves no folder', async () => {
    const bench = await Workbench.open();
    const called = createServer().listen(0, '127.0.0.1');
    await once(called, 'listening');
    const { port } = called.address() as { port: number };
    const connected = once(called, 'connection');
    const pid = await bench.startServer(
      node(`process.on('SIGTERM', () => {}); require('node:net').connect(${port}, '127.0.0.1'); setInterval(() => {}, 1000)`),
      () => connected,
    );
    expect(isAlive(pid)).toBe(true);
    await bench.close();
    expect(isAlive(pid)).toBe(false);
    expect(existsSync(bench.folder)).toBe(false);
    called.close();
  });

  it('a server that ends before it is ready, or cannot be started, is an error that says why', async () => {
    const bench = await Workbench.open();
    const never = () => new Promise<void>(() => undefined);
    await expect(bench.startServer(node(`console.error('no such port'); process.exit(3)`), never)).rejects.toThrow(
      /^script ended with 3 before it was ready:\nno such port/,
    );
    await bench.close();
  });

  it('a command that fails is an error with what it wrote; what it wrote otherwise is given back', async () => {
    const bench = await Workbench.open();
    await expect(bench.run(node(`console.error('out of luck'); process.exit(1)`))).rejects.toThrow('out of luck');
    expect((await bench.run(node(`console.log('fine')`))).stdout).toBe('fine\n');
    await bench.close();
  });

  it('starts nothing any more once it is being closed', async () => {
    const bench = await Workbench.open();
    await bench.close();
    await expect(bench.run(node(''))).rejects.toThrow('is being ended');
  });
});

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
