import type { ProgramType } from '../programs/run.js';

/** One program of an artifact, with every default filled in. */
export interface ProgramSpec {
  name: string;
  type: ProgramType;
  /** Absent: it runs elsewhere, and its instances are registered by URL. */
  command?: string[];
  /** A service is ready when this answers 2xx; absent: when its port accepts. */
  healthPath?: string;
  instances: number;
  env: Record<string, string>;
  /** A worker or flow that may run in several versions of an app at once. */
  concurrent: boolean;
}

export interface ArtifactContent {
  description: string | null;
  labels: Record<string, string>;
  programs: ProgramSpec[];
}

export interface ArtifactVersion extends ArtifactContent {
  namespace: string;
  artifact: string;
  version: string;
  bundle: { sha256: string; bytes: number } | null;
  createdAt: Date;
}

/** Of a list, with how long its programs are as text. */
export interface ListedArtifactVersion extends ArtifactVersion {
  programBytes: number;
}
