import { metricNamesOf, namesIn } from './metric-names.js';

describe('metricNamesOf', () => {
  it.each([
    ['up == 0', ['up']],
    ['sum by (a, le) (rate(x_bucket{app!="", b="y z"}[5m]))', ['x_bucket']],
    ['a:b:rate5m > 0.01 and fabric_x offset 10m unless c', ['a:b:rate5m', 'fabric_x', 'c']],
    ['scalar(max(p)) - q > 0 or vector(0)', ['p', 'q']],
    ['histogram_quantile(0.99, sum by (le) (rate(h_bucket[1m]))) / ignoring (version) group_left sum (n * 1e3)', ['h_bucket', 'n']],
  ])('%s', (expression, names) => {
    expect(metricNamesOf(expression)).toEqual(names);
  });
});

describe('namesIn', () => {
  it('knows the series of a histogram, and what has no series yet', () => {
    expect(namesIn('# TYPE a counter\n# TYPE h histogram\nh_count 1\n')).toEqual(['a', 'h_bucket', 'h_sum', 'h_count']);
  });
});
