import type { ScenarioResult, StepResult } from './scenario.js';

/** The closing table: for each step expected and measured share, requests, failures. */
export function scenarioTable(result: ScenarioResult): string {
  const header = ['step', 'expected', 'measured', 'allowed', 'requests', 'failures', ''];
  const rows = result.steps.map((step) => [
    step.step,
    shares(step, (version) => step.expected[version] ?? 0),
    shares(step, (version) => (step.measured.byVersion[version] ?? 0) / step.measured.requests),
    `± ${percent(step.bound / step.measured.requests)}`,
    String(step.measured.requests),
    String(step.measured.failures),
    step.ok ? 'ok' : 'OFF',
  ]);
  const between = result.total.requests - result.steps.reduce((sum, step) => sum + step.measured.requests, 0);
  const failedInSteps = result.steps.reduce((sum, step) => sum + step.measured.failures, 0);
  const failedBetween = result.total.failures - failedInSteps;
  rows.push(['between', '', '', '', String(between), String(failedBetween), failedBetween === 0 ? 'ok' : 'OFF']);
  rows.push(['all', '', '', '', String(result.total.requests), String(result.total.failures), result.ok ? 'ok' : 'OFF']);
  return formatTable([header, ...rows]);
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
