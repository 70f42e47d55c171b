import { simulateStage } from '@app-fabric/release';
import { formatTable } from '@app-fabric/scenario';

const RUNS = 1000;
const THRESHOLD = 0.0001;
const REQUESTS = 100 / THRESHOLD;

/** The operating curve: how often, and after how many requests, a candidate is found over, by how bad it is. */
export function operatingCurve(): string {
  const rows = [0.5, 1, 2, 5, 10, 100, 1000].map((factor) => {
    const runs = Array.from({ length: RUNS }, () => simulateStage(factor * THRESHOLD, THRESHOLD, REQUESTS, Math.random));
    const found = runs.filter((run) => run !== null);
    const delays = found.map(({ request }) => request).sort((one, other) => one - other);
    const share = (part: number) => `${((100 * part) / RUNS).toFixed(1)} %`;
    const delay = (quantile: number) => delays[Math.floor(quantile * (delays.length - 1))]?.toLocaleString('en') ?? '-';
    return [`${factor} ×`, share(found.length), share(found.filter(({ verdict }) => verdict === 'severe').length), delay(0.5), delay(0.95)];
  });
  return formatTable([['true rate / threshold', 'found over', 'as severe', 'requests until: median', '95 %'], ...rows]);
}
