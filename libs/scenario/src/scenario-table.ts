import type { ReleasesResult } from './releases.js';
import type { ScenarioResult, StepResult } from './scenario.js';

const HEADER = ['step', 'expected', 'measured', 'allowed', 'requests', 'failures', ''];

/** The closing table: for each step expected and measured share, requests, failures. */
export function scenarioTable(result: ScenarioResult): string {
  const { requests, failures } = between(result);
  return formatTable([
    HEADER,
    ...result.steps.map(stepRow),
    ['between', '', '', '', String(requests), String(failures), failures === 0 ? 'ok' : 'OFF'],
    ['all', '', '', '', String(result.total.requests), String(result.total.failures), result.ok ? 'ok' : 'OFF'],
  ]);
}

/** The same of releases. Failures between two steps are the bad version's too. */
export function releasesTable(result: ReleasesResult): string {
  const { requests, failures } = between(result);
  const { own, measured, version } = result.blame;
  return formatTable([
    HEADER,
    ...result.steps.map(stepRow),
    ['between', '', '', '', String(requests), String(failures), ''],
    ['all', '', '', '', String(result.total.requests), String(result.total.failures), result.ok ? 'ok' : 'OFF'],
    ['', `answered so by v${version} itself`, '', '', '', String(own), own === result.total.failures ? 'ok' : 'OFF'],
    ['', `errors of v${version} as measured`, '', '', '', String(measured), measured === own ? 'ok' : 'OFF'],
  ]);
}

function stepRow(step: StepResult): string[] {
  return [
    step.step,
    shares(step, (version) => step.expected[version] ?? 0),
    shares(step, (version) => (step.measured.byVersion[version] ?? 0) / step.measured.requests),
    `± ${percent(step.bound / step.measured.requests)}`,
    String(step.measured.requests),
    String(step.measured.failures),
    step.ok ? 'ok' : 'OFF',
  ];
}

function between({ steps, total }: Pick<ScenarioResult, 'steps' | 'total'>): { requests: number; failures: number } {
  const inSteps = (count: (step: StepResult) => number) => steps.reduce((sum, step) => sum + count(step), 0);
  return {
    requests: total.requests - inSteps(({ measured }) => measured.requests),
    failures: total.failures - inSteps(({ measured }) => measured.failures),
  };
}

/** The first row is the header. Columns as wide as they need to be; those that hold only numbers go to the right. */
export function formatTable(rows: readonly (readonly string[])[]): string {
  const columns = rows[0]!.map((_, index) => rows.map((row) => row[index]!));
  const widths = columns.map((cells) => Math.max(...cells.map((cell) => cell.length)));
  const isNumeric = columns.map((cells) => cells.slice(1).every((cell) => /^[\d.,]*$/.test(cell)));
  const pad = (cell: string, index: number) => (isNumeric[index] ? cell.padStart(widths[index]!) : cell.padEnd(widths[index]!));
  const line = (row: readonly string[]) => row.map(pad).join('  ').trimEnd();
  const rule = widths.map((width) => '─'.repeat(width)).join('  ');
  return [line(rows[0]!), rule, ...rows.slice(1).map(line)].join('\n');
}

function shares(step: StepResult, share: (version: string) => number): string {
  const versions = [...new Set([...Object.keys(step.expected), ...Object.keys(step.measured.byVersion)])].sort(
    (a, b) => Number(a) - Number(b),
  );
  return versions.map((version) => `v${version} ${percent(share(version))}`).join(' · ');
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
