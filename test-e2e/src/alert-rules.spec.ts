import { describeWithPromtool } from './harness/describe-with-servers.js';
import { promtool } from './harness/own-prometheus.js';

describeWithPromtool('docker/prometheus', () => {
  it.each([
    ['the configuration is valid', ['check', 'config', 'prometheus.yml']],
    ['the rules are valid', ['check', 'rules', 'rules.yml']],
    ['each alert fires when it should, and not before', ['test', 'rules', 'rules.test.yml']],
  ])('%s', (_what, args) => {
    expect(promtool(args)).toBeNull();
  });
});
