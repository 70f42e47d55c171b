/** The plan of the demo's releases: the stages of the standard one, with a time of one's choice for hours and criteria that so little traffic can show. */
export function demoPlan(hourMs: number) {
  const stage = (name: string, weight: number, instances: number | string, hours: number) => ({
    name,
    weight,
    instances,
    observe: `${hours * hourMs}ms`,
    stability: { maxErrorRate: 0.05 },
    availability: { min: 0.9 },
    // Of the bad version every second request fails, ten times too many: moderate all the same, so that the traffic is taken away and the instances stay to be looked at.
    severeFactor: 15,
    // A busy machine may need more time to get enough requests.
    maxExtensions: 20,
  });
  return {
    stages: [
      stage('initial', 5, 1, 2),
      // Somebody looks at it before half of the traffic follows.
      { ...stage('small-scale', 20, 2, 4), approval: 'manual' },
      stage('medium', 50, '50%', 8),
      stage('full', 100, '100%', 8),
    ],
  };
}
