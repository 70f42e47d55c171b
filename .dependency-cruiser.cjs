// The arrows of ARCHITECTURE.md, as a check: apps → libs; bus → contracts → routing, measurement; these two and release import nothing.
const only = (name, from, allowed, comment) => ({
  name,
  comment,
  severity: 'error',
  from: { path: from, pathNot: '\\.spec\\.ts$|/testing/' },
  to: { pathNot: allowed },
});
const testMaterial = '\\.spec\\.ts$|/(testing|bench|fuzz|corpus)/';
const node =
  '^node:|^(assert|buffer|child_process|cluster|crypto|events|fs|http|https|net|os|path|stream|timers|url|util|zlib|worker_threads)(/|$)';

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    { name: 'resolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
    only('routing-is-pure', '^libs/routing/src', ['^libs/routing/src'], 'no I/O, clock, logger, dependency'),
    only('measurement-is-pure', '^libs/measurement/src', ['^libs/measurement/src'], 'no I/O, clock, logger, dependency'),
    only('release-is-pure', '^libs/release/src', ['^libs/release/src'], 'no I/O, clock, logger, dependency'),
    only(
      'tracing-stands-alone',
      '^libs/tracing/src',
      ['^libs/tracing/src', 'node_modules/(\\.pnpm/)?@opentelemetry', node],
      'no other part of the fabric',
    ),
    {
      name: 'opentelemetry-stays-home',
      comment: 'loaded only where something is recorded',
      severity: 'error',
      from: { path: '^(apps|libs|test-e2e)', pathNot: '^libs/tracing/' },
      to: { path: '@opentelemetry' },
    },
    only('contracts-know-pure-libs-only', '^libs/contracts/src', ['^libs/(contracts|routing|measurement)/']),
    only('bus-knows-contracts-only', '^libs/bus/src', [
      '^libs/(bus|contracts)/',
      'node_modules/ioredis',
      'node_modules/.pnpm/ioredis',
      node,
    ]),
    { name: 'libs-never-import-apps', severity: 'error', from: { path: '^libs' }, to: { path: '^(apps|test-e2e)' } },
    { name: 'api-and-proxy-apart', severity: 'error', from: { path: '^apps/api' }, to: { path: '^apps/(proxy|standalone)' } },
    { name: 'proxy-and-api-apart', severity: 'error', from: { path: '^apps/proxy' }, to: { path: '^apps/(api|standalone)' } },
    { name: 'proxy-has-no-nest', severity: 'error', from: { path: '^apps/proxy' }, to: { path: '@nestjs|typeorm|reflect-metadata' } },
    {
      name: 'typeorm-stays-home',
      severity: 'error',
      from: { path: '^apps/api/src', pathNot: '^apps/api/src/database/|\\.entity\\.ts$|\\.repository\\.ts$|\\.spec\\.ts$' },
      to: { path: 'node_modules/(\\.pnpm/)?typeorm' },
    },
    {
      name: 'programs-stand-without-their-tests',
      comment: 'the images are built without these (.dockerignore)',
      severity: 'error',
      from: { path: '^(apps|libs)', pathNot: testMaterial },
      to: { path: `^(apps|libs)/.*(${testMaterial})` },
    },
    { name: 'e2e-is-black-box', severity: 'error', from: { path: '^test-e2e' }, to: { path: '^apps' } },
  ],
  options: {
    // Comes with @swc/core. Without it not one .ts file would be looked at, and nothing would say so.
    parser: 'swc',
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules|dist' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'default', 'types'] },
  },
};
