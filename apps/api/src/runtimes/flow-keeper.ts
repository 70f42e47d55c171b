import { constants } from 'node:os';
import type { ProgramExit } from './program-runtime.js';

/** POSIX, of a command that a shell does not find. */
const NOT_FOUND = 127;

/**
 * A flow may end while no control plane is there to see it, and how it ended must not be lost: a shell waits for it and writes it down. Builtins
 * only: the flow's PATH may be anything. The trap lets the flow have a SIGTERM to its group without the shell dying of it; a handler, not
 * an empty trap, which the flow would inherit.
 */
const KEEPER = `trap : TERM INT HUP
command -v -- "$1" >/dev/null || exit ${NOT_FOUND}
"$@"
code=$?
echo $code >"$0" 2>/dev/null
exit $code`;

/** Program and arguments for a flow, verbatim as they are in `command`, with a file for how it has ended. */
export function keptCommand(command: readonly string[], exitFile: string): [string, ...string[]] {
  return ['/bin/sh', '-c', KEEPER, exitFile, ...command];
}

/** Nothing is written down of a command that was never run. */
export function wasNotFound(exit: ProgramExit, written: ProgramExit | null): boolean {
  return exit.code === NOT_FOUND && written === null;
}

/** What the keeper has written down; null: nothing, or nothing whole. */
export function parseExit(text: string): ProgramExit | null {
  return /^\d{1,3}\n$/.test(text) ? exitOf(Number(text)) : null;
}

/** What a shell's exit code says: POSIX has 128 + n for a signal, see `kill -l`. */
export function exitOf(code: number): ProgramExit {
  const [signal] = Object.entries(constants.signals).find(([, number]) => number === code - 128) ?? [];
  return signal === undefined ? { code, signal: null } : { code: null, signal };
}

/** For people. */
export function describeExit({ code, signal }: ProgramExit): string {
  if (signal) return `killed by ${signal}`;
  return code === null ? 'ended while nobody saw how' : `exited with code ${code}`;
}
