import { type ChildProcess, fork } from 'node:child_process';
import type { Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { FromWorker, ToWorker } from './messages.js';

/** How a process has ended; both `null`: it never ran. */
export interface Ending {
  code: number | null;
  signal: NodeJS.Signals | null;
}

export interface WorkerEvents {
  message(message: FromWorker): void;
  /** It has ended, and everything that it said has been heard. The last call. */
  gone(ending: Ending): void;
}

/** A worker process. Whatever it is told after its end is dropped. */
export interface WorkerProcess {
  readonly pid: number | undefined;
  /** The socket stays open here until it is closed here. */
  send(message: ToWorker, socket?: Socket): void;
  /** SIGKILL. */
  kill(): void;
}

export type Fork = (events: WorkerEvents) => WorkerProcess;

const PROGRAM = fileURLToPath(new URL('./worker-main.js', import.meta.url));

export const forkWorker: Fork = (events) => {
  // Standard output is the program's own: its one line is for machines.
  const child = fork(PROGRAM, [], { stdio: ['ignore', 2, 2, 'ipc'] });
  child.on('message', (message) => events.message(message as FromWorker));
  child.once('exit', (code, signal) => whenHeard(child, () => events.gone({ code, signal })));
  child.on('error', () => {
    // Of a message that could not be sent, the end follows; a process that could not be made has none.
    if (child.pid === undefined) events.gone({ code: null, signal: null });
  });
  return {
    pid: child.pid,
    send(message, socket) {
      if (!child.connected) return;
      if (socket === undefined) child.send(message, () => undefined);
      else child.send(message, socket, { keepOpen: true }, () => undefined);
    },
    kill: () => child.kill('SIGKILL'),
  };
};

/**
 * Calls back when everything that an ended process has said was read. Not by the event `disconnect`: Node leaves it out when a connection
 * that was sent had not arrived.
 */
function whenHeard(child: ChildProcess, done: () => void): void {
  if (child.connected) setImmediate(() => whenHeard(child, done));
  else done();
}
