import { createTestApi, type TestApi } from '../testing/create-test-api.js';
import { eventually } from '../testing/eventually.js';
import { dump, TestApps } from '../testing/test-apps.js';

const STAGE = { name: 'first', weight: 10, observe: '1h', stability: { maxErrorRate: 0.01 }, availability: { min: 0.99 } };
const PLAN = { stages: [STAGE, { ...STAGE, name: 'second', weight: 50 }] };
const NS = '/v1/namespaces/default';

describe('releases over REST', () => {
  let api: TestApi;
  let apps: TestApps;
  beforeAll(async () => {
    api = await createTestApi();
    apps = await TestApps.of(api);
  });
  /** Each that goes on costs a look a second. */
  afterEach(async () => {
    for (const path of begun.splice(0)) await act(path, 'abort');
  });
  afterAll(() => api.close());

  const get = async (path: string) => (await api.http.get(path).expect(200)).body;
  const begun: string[] = [];
  const start = (app: string, body: object) => api.http.post(`${app}/releases`).send(body);
  const act = (path: string, action: string, body: object = {}) => api.http.post(`${path}/${action}`).send(body);
  /** Its stage is observed, so that nothing changes by itself for an hour. */
  const observed = async (running: string[] = ['1/cart', '2/cart']) => {
    const app = await apps.appWith(...running);
    const { body } = await start(app, { candidate: 2, plan: PLAN }).set('Prefer', 'wait=100').expect(201);
    expect(body).toMatchObject({ status: 'running', weight: 10, stage: { phase: 'observing' }, waitingFor: null });
    const path = `${app}/releases/${body.id}`;
    begun.push(path);
    return { app, path };
  };

  it('a candidate that a service gives traffic by itself is refused, with the services', async () => {
    const app = await apps.appWith('1/cart', '2/cart');
    const own = `${app}/services/cart/distribution`;
    await api.http
      .put(own)
      .send({ weights: { 1: 50, 2: 50 } })
      .expect(200);
    const { body } = await start(app, { candidate: 2, plan: PLAN }).expect(409);
    expect(body).toMatchObject({ code: 'candidate_in_override', services: ['cart'] });
    await api.http
      .put(own)
      .send({ weights: { 1: 100 } })
      .expect(200);
    await start(app, { candidate: 2, plan: PLAN }).query({ dryRun: true }).expect(201);
  });

  describe('bad input changes nothing', () => {
    let app: string;
    beforeAll(async () => {
      app = await apps.appWith('1/cart', '2/cart');
    });

    it.each<[name: string, body: object, status: number, code: string, path: string | null]>([
      ['no candidate', {}, 400, 'validation_failed', 'candidate'],
      ['a candidate that is no number', { candidate: '2' }, 400, 'validation_failed', 'candidate'],
      ['an unknown field', { candidate: 2, speed: 'fast' }, 400, 'validation_failed', 'speed'],
      ['a plan that is neither name nor plan', { candidate: 2, plan: 5 }, 400, 'invalid_plan', 'plan'],
      ['a name that is none', { candidate: 2, plan: '../x' }, 400, 'invalid_plan', 'plan'],
      ['a plan without stages', { candidate: 2, plan: { stages: [] } }, 400, 'invalid_plan', 'plan.stages'],
      [
        'stages that fall',
        {
          candidate: 2,
          plan: {
            stages: [
              { ...STAGE, weight: 20 },
              { ...STAGE, name: 'b' },
            ],
          },
        },
        400,
        'invalid_plan',
        'plan.stages.1.weight',
      ],
      [
        'a weight over 100',
        { candidate: 2, plan: { stages: [{ ...STAGE, weight: 100.01 }] } },
        400,
        'invalid_plan',
        'plan.stages.0.weight',
      ],
      [
        'a time that is none',
        { candidate: 2, plan: { stages: [{ ...STAGE, observe: 'soon' }] } },
        400,
        'invalid_plan',
        'plan.stages.0.observe',
      ],
      ['an unknown plan', { candidate: 2, plan: 'nobody' }, 422, 'unknown_plan', null],
      ['an unknown candidate', { candidate: 77 }, 422, 'unknown_version', null],
      ['an unknown baseline', { candidate: 2, baseline: 77 }, 422, 'unknown_version', null],
      ['the candidate as its own baseline', { candidate: 2, baseline: 2 }, 422, 'candidate_is_baseline', null],
      ['a baseline without traffic', { candidate: 2, baseline: 3 }, 409, 'baseline_without_traffic', null],
      ['a candidate that does not run, nor can be started', { candidate: 3 }, 409, 'candidate_not_running', null],
    ])('%s', async (_, body, status, code, path) => {
      const before = await dump(api.databaseUrl);
      const answer = await start(app, body).expect(status);
      expect(answer.body.code).toBe(code);
      if (path !== null) expect(answer.body.errors.map((error: { path: string }) => error.path)).toContain(path);
      expect(await dump(api.databaseUrl)).toEqual(before);
    });

    it('no app, no distribution, no such release', async () => {
      expect((await start(`${NS}/apps/nobody`, { candidate: 1 }).expect(404)).body.code).toBe('app_not_found');
      const bare = await apps.appWith();
      expect((await start(bare, { candidate: 2 }).expect(409)).body.code).toBe('no_baseline');
      for (const id of ['nothing', '0b8e1c1e-8a34-4a5f-9d5e-0a1f9b3b6c11'])
        for (const path of [`${app}/releases/${id}`, `${app}/releases/${id}/events`])
          expect((await api.http.get(path).expect(404)).body.code).toBe('release_not_found');
      expect((await api.http.get(`${app}/releases?cursor=eA`).expect(400)).body.code).toBe('invalid_cursor');
    });
  });

  it('dry run: the full answer, nothing changed', async () => {
    const app = await apps.appWith('1/cart', '2/cart');
    const before = await dump(api.databaseUrl);
    const { body } = await api.http.post(`${app}/releases?dryRun=true`).send({ candidate: 2 }).expect(201);
    expect(body).toMatchObject({ status: 'pending', baseline: 1, plan: { name: 'standard' }, stage: { name: 'initial', weight: 5 } });
    expect(await dump(api.databaseUrl)).toEqual(before);
  });

  it('one release at a time; the same call again gives the same release; shown, listed, and with its events', async () => {
    const app = await apps.appWith('1/cart', '2/cart');
    const send = () => start(app, { candidate: 2, plan: PLAN, reason: 'SHOP-18' }).set('Idempotency-Key', `start ${app}`);
    const first = await send().expect(201);
    expect(first.headers.location).toBe(`${app}/releases/${first.body.id}`);
    expect((await send().expect(201)).body.id).toBe(first.body.id);
    expect((await start(app, { candidate: 2 }).expect(409)).body).toMatchObject({ code: 'release_active', releaseId: first.body.id });
    expect((await get(`${app}/releases`)).items).toMatchObject([{ id: first.body.id, startedBy: 'admin' }]);
    const { items } = await get(`${app}/releases/${first.body.id}/events`);
    expect(items[0]).toMatchObject({
      sequence: 1,
      type: 'started',
      from: 'pending',
      to: 'pending',
      by: 'admin',
      reason: 'SHOP-18',
      stage: 'first',
    });
    await act(`${app}/releases/${first.body.id}`, 'abort').expect(200);
    const next = await start(app, { candidate: 2, plan: PLAN }).expect(201);
    const { items: page, nextCursor } = await get(`${app}/releases?limit=1`);
    expect(page).toMatchObject([{ id: next.body.id }]);
    expect((await get(`${app}/releases?limit=1&cursor=${nextCursor}`)).items).toMatchObject([{ id: first.body.id, status: 'aborted' }]);
  });

  it('actions: who, why, when not allowed, with If-Match, and as a dry run', async () => {
    const { app, path } = await observed();
    const { headers, body } = await api.http.get(path).expect(200);
    expect(body.actions).toEqual(['pause', 'extend', 'advance', 'promote', 'zero', 'rollback', 'abort']);
    expect((await act(path, 'dance').expect(404)).body.code).toBe('action_not_found');
    expect((await act(path, 'restore').expect(409)).body).toMatchObject({ code: 'action_not_allowed', allowed: body.actions });
    expect((await act(path, 'pause', { observe: '1h' }).expect(400)).body).toMatchObject({ errors: [{ path: 'observe' }] });
    expect((await act(path, 'extend', { observe: 'long' }).expect(400)).body).toMatchObject({ errors: [{ path: 'observe' }] });
    const dry = await api.http.post(`${path}/zero?dryRun=true`).send({}).expect(200);
    expect([dry.body.status, (await get(path)).status]).toEqual(['zeroed', 'running']);

    const paused = await act(path, 'pause', { reason: 'lunch' })
      .set('If-Match', headers.etag as string)
      .expect(200);
    expect(paused.body).toMatchObject({ status: 'paused', reason: 'lunch', weight: 10 });
    expect(
      (
        await act(path, 'resume')
          .set('If-Match', headers.etag as string)
          .expect(412)
      ).body.code,
    ).toBe('precondition_failed');
    await act(path, 'resume').expect(200);
    const until = Date.parse((await get(path)).stage.observeUntil);
    const extended = await act(path, 'extend', { observe: '2h' }).expect(200);
    expect(extended.body).toMatchObject({ status: 'extended', stage: { extensions: 1 } });
    expect((Date.parse(extended.body.stage.observeUntil) - until) / 3_600_000).toBeCloseTo(2, 1);

    const zeroed = await act(path, 'zero', { reason: 'looks odd' }).set('Prefer', 'wait=60').expect(200);
    expect(zeroed.body).toMatchObject({ status: 'zeroed', weight: 0, zeroing: { confirmedAt: expect.any(String) } });
    expect((await get(`${app}/distribution`)).weights).toEqual({ 1: 100, 2: 0 });
    expect((await get(`${app}/distribution`)).reason).toMatch(/^release [0-9a-f-]{36}, stage first: looks odd$/);
    const rolledBack = await act(path, 'rollback').set('Prefer', 'wait=60').expect(200);
    expect(rolledBack.body).toMatchObject({ status: 'rolled_back', actions: [], waitingFor: null });
    expect((await act(path, 'abort').expect(409)).body).toMatchObject({ code: 'action_not_allowed', allowed: [] });
    const { items } = await get(`${path}/events?limit=500`);
    const told = items.map(({ type, by, reason }: { type: string; by: string; reason: string }) => [type, by, reason]);
    expect(told).toContainEqual(['paused', 'admin', 'lunch']);
    expect(told).toContainEqual(['zeroed', 'admin', 'looks odd']);
    expect(told.at(-1)).toMatchObject(['rolled_back', 'system', expect.anything()]);
  });

  describe('a change by hand pauses it, and says so', () => {
    const changes: [name: string, change: (app: string) => Promise<unknown>, weights: object, what: string][] = [
      [
        'PUT',
        (app) =>
          api.http
            .put(`${app}/distribution`)
            .send({ weights: { 1: 70, 2: 30 } })
            .expect(200),
        { 1: 70, 2: 30 },
        'change of the weights by admin',
      ],
      ['DELETE', (app) => api.http.delete(`${app}/distribution`).expect(200), {}, 'change of the weights by admin'],
      ['rollback', (app) => api.http.post(`${app}/distribution/rollback`).send({}).expect(200), { 1: 100, 2: 0 }, 'rollback by admin'],
      ['zero', (app) => api.http.post(`${app}/distribution/zero`).send({ version: 2 }).expect(200), { 1: 100, 2: 0 }, 'zeroing by admin'],
      [
        'stop of the candidate',
        (app) => api.http.post(`${app}/versions/2/services/cart/stop`).send({}).expect(202),
        { 1: 100 },
        'version 2 was stopped by admin',
      ],
      [
        'stop of the baseline',
        (app) => api.http.post(`${app}/versions/1/services/cart/stop`).send({}).expect(202),
        { 2: 100 },
        'version 1 was stopped by admin',
      ],
    ];
    it.each(changes)('%s', async (_, change, weights, what) => {
      const { app, path } = await observed();
      await change(app);
      const release = await get(path);
      expect(release).toMatchObject({ status: 'paused', reason: `the distribution was changed by hand: ${what}` });
      expect((await get(`${app}/distribution`)).weights).toEqual(weights);
      expect((await get(`${path}/events`)).items.at(-1)).toMatchObject({ type: 'paused', from: 'running', by: 'system' });
      await act(path, 'abort').expect(200);
      expect((await get(`${app}/distribution`)).weights).toEqual(weights);
    });

    it('the versions that a release is about cannot be deleted until it has ended', async () => {
      const { app, path } = await observed();
      await api.http.post(`${app}/versions/2/services/cart/stop`).set('Prefer', 'wait=10').send({}).expect(202);
      const refused = await api.http.delete(`${app}/versions/2`).expect(409);
      expect(refused.body).toMatchObject({ code: 'version_in_use', detail: expect.stringContaining('release') });
      await act(path, 'abort').expect(200);
      await api.http.delete(`${app}/versions/2`).expect(204);
      expect((await get(path)).status).toBe('aborted');
    });

    it('not a dry run, nor the stop of another version, nor another app', async () => {
      const { app, path } = await observed(['1/cart', '2/cart', '3/cart']);
      await api.http
        .put(`${app}/distribution?dryRun=true`)
        .send({ weights: { 1: 100 } })
        .expect(200);
      await api.http.post(`${app}/versions/3/services/cart/stop`).send({}).expect(202);
      const other = await apps.appWith('1/cart', '2/cart');
      await api.http
        .put(`${other}/distribution`)
        .send({ weights: { 2: 100 } })
        .expect(200);
      expect((await get(path)).status).toBe('running');
    });
  });

  it('three versions: the rest keeps its proportions, and comes back as it was', async () => {
    const app = await apps.appWith('1/cart', '2/cart', '3/cart');
    await api.http
      .put(`${app}/distribution`)
      .send({ weights: { 1: 60, 3: 40 } })
      .expect(200);
    const { body } = await start(app, { candidate: 2, plan: PLAN }).set('Prefer', 'wait=100').expect(201);
    expect([body.baseline, (await get(`${app}/distribution`)).weights]).toEqual([1, { 1: 54, 2: 10, 3: 36 }]);
    await act(`${app}/releases/${body.id}`, 'zero').expect(200);
    expect((await get(`${app}/distribution`)).weights).toEqual({ 1: 60, 2: 0, 3: 40 });
  });

  it('its events as a stream: those after the last one seen, and what comes, until it has ended', async () => {
    const { path } = await observed();
    const answer = await fetch(`${api.url}${path}/events`, {
      headers: { authorization: 'Bearer test-token-of-the-admin', accept: 'text/event-stream', 'last-event-id': '1' },
    });
    expect(answer.headers.get('content-type')).toContain('text/event-stream');
    await act(path, 'abort', { reason: 'enough' }).expect(200);
    const text = await answer.text();
    const events = [...text.matchAll(/^event: release\nid: (\d+)\ndata: (.*)$/gm)].map(([, id, data]) => [
      Number(id),
      JSON.parse(data!).type,
    ]);
    const { items } = await get(`${path}/events`);
    expect(events).toEqual(items.slice(1).map(({ sequence, type }: { sequence: number; type: string }) => [sequence, type]));
    expect(events.at(-1)).toMatchObject([expect.any(Number), 'aborted']);
    const bad = await api.http.get(`${path}/events`).set('Accept', 'text/event-stream').set('Last-Event-ID', 'x').expect(400);
    expect(bad.body.code).toBe('invalid_last_event_id');
  });

  describe('release plans', () => {
    const plans = `${NS}/release-plans`;

    it('are made, shown, replaced, listed and deleted; a release keeps the one that it began with', async () => {
      const made = await api.http
        .put(`${plans}/careful`)
        .send({ description: 'slow', ...PLAN })
        .expect(201);
      expect(made.body).toMatchObject({
        name: 'careful',
        description: 'slow',
        stages: [{ weight: 10, observe: '1h', approval: 'auto', minRequests: 'auto' }, {}],
      });
      expect((await get(`${plans}/careful`)).stages).toEqual(made.body.stages);
      const app = await apps.appWith('1/cart', '2/cart');
      const { body: release } = await start(app, { candidate: 2, plan: 'careful' }).expect(201);
      const stale = await api.http.put(`${plans}/careful`).set('If-Match', '"9-x"').send(PLAN).expect(412);
      expect(stale.body.code).toBe('precondition_failed');
      const replaced = await api.http
        .put(`${plans}/careful`)
        .set('If-Match', made.headers.etag as string)
        .send({ stages: [STAGE] })
        .expect(200);
      expect(
        (
          await api.http
            .put(`${plans}/careful`)
            .send({ stages: [STAGE] })
            .expect(200)
        ).headers.etag,
      ).toBe(replaced.headers.etag);
      expect((await get(plans)).items.map(({ name }: { name: string }) => name)).toEqual(['careful', 'standard']);
      expect((await get(`${plans}?limit=1`)).items).toHaveLength(1);
      await api.http.delete(`${plans}/careful`).expect(204);
      await api.http.delete(`${plans}/careful`).expect(404);
      expect((await get(`${app}/releases/${release.id}`)).plan).toMatchObject({ name: 'careful', stages: [{}, { weight: 50 }] });
    });

    it('standard is MISSION’s table, built in, and stays as it is', async () => {
      const { stages, updatedAt } = await get(`${plans}/standard`);
      expect(updatedAt).toBeNull();
      const table = stages.map((stage: Record<string, unknown>) => [
        stage.weight,
        stage.instances,
        stage.observe,
        stage.stability,
        stage.availability,
      ]);
      expect(table).toEqual([
        [5, 1, '2h', { maxErrorRate: 0.0001 }, { min: 0.999 }],
        [20, 2, '4h', { maxErrorRate: 0.00005 }, { min: 0.9995 }],
        [50, '50%', '8h', { maxErrorRate: 0.00001 }, { min: 0.9998 }],
        [100, '100%', '1d', { maxErrorRate: 0.00001 }, { min: 0.9998 }],
      ]);
      expect((await api.http.put(`${plans}/standard`).send(PLAN).expect(409)).body.code).toBe('plan_reserved');
      expect((await api.http.delete(`${plans}/standard`).expect(409)).body.code).toBe('plan_reserved');
    });

    it('bad ones are refused, with every place that is wrong', async () => {
      const { body } = await api.http
        .put(`${plans}/bad`)
        .send({ stages: [{ ...STAGE, weight: -1, nodes: 3 }] })
        .expect(400);
      expect(body.code).toBe('invalid_plan');
      expect(body.errors.map(({ path }: { path: string }) => path).sort()).toEqual(['stages.0.nodes', 'stages.0.weight']);
      expect((await api.http.put('/v1/namespaces/nobody/release-plans/x').send(PLAN).expect(404)).body.code).toBe('namespace_not_found');
      expect((await api.http.get(`${plans}/nobody`).expect(404)).body.code).toBe('plan_not_found');
    });
  });

  it('/metrics: releases by status, and the verdicts of those that are active', async () => {
    await eventually(async () => {
      const { text } = await api.anonymous.get('/metrics').expect(200);
      expect(Number(/^fabric_releases\{status="aborted"\} (\d+)$/m.exec(text)?.[1])).toBeGreaterThan(0);
      expect(text).toContain('fabric_releases{status="rolling_back"} 0');
      expect(text).toContain('fabric_release_verdicts{dimension="availability",verdict="severe"} 0');
    });
  });
});
