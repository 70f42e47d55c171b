import type { Attributes } from './tracing.js';

/** Sends log lines to a receiver of OTLP, besides where they go anyway. Never waits for it: what finds no room is dropped. */
export interface LogExport {
  /** A line of this program as pino writes it. What is none is left out. */
  write(line: string): void;
  /** A line that a program behind this one has printed. */
  printed(line: PrintedLine): void;
  /** Sends what there is, for a moment at most. Never rejects. */
  close(): Promise<void>;
}

export interface PrintedLine {
  atMs: number;
  /** Without its end. */
  text: string;
  attributes: Attributes;
}

/** What pino is to write to: `destination`, and the export where there is one. */
export function alsoTo(logExport: LogExport | null, destination: LineStream): LineStream {
  if (logExport === null) return destination;
  return {
    write(line) {
      destination.write(line);
      logExport.write(line);
    },
  };
}

interface LineStream {
  write(line: string): unknown;
}
