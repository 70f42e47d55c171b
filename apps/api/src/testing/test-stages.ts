import type { Response } from 'supertest';
import type { TestApi } from './create-test-api.js';
import { URL_OF_NOBODY } from './test-apps.js';

/** Three namespaces of its own, `test-n`, `beta-n` and `production-n`, one after the other in a pipeline of its own. */
export class TestStages {
  private static made = 0;
  readonly app = 'shop';

  private constructor(
    private readonly api: TestApi,
    readonly namespaces: readonly [string, string, string],
    readonly pipeline: string,
  ) {}

  static async of(api: TestApi, stages: readonly object[] = [{}, {}, {}]): Promise<TestStages> {
    TestStages.made += 1;
    const number = TestStages.made;
    const namespaces = [`test-${number}`, `beta-${number}`, `production-${number}`] as const;
    for (const namespace of namespaces) await api.http.put(`/v1/namespaces/${namespace}`).send({}).expect(201);
    const made = new TestStages(api, namespaces, `pipeline-${number}`);
    await made.putPipeline(stages);
    return made;
  }

  async putPipeline(stages: readonly object[]): Promise<void> {
    const named = stages.map((stage, index) => ({ namespace: this.namespaces[index], ...stage }));
    const { status, body } = await this.api.http.put(`/v1/pipelines/${this.pipeline}`).send({ stages: named });
    if (status > 201) throw new Error(JSON.stringify(body));
  }

  /** Promotions into the last namespace are canary releases from now on. */
  async makeProduction(): Promise<void> {
    await this.api.http.put(`/v1/namespaces/${this.namespaces[2]}`).send({ environment: 'production' }).expect(200);
  }

  /** A new version, all the way into the last namespace, where it gets this number. */
  async promoteThrough(artifactVersion: string): Promise<Pick<Response, 'status' | 'body'>> {
    const version = await this.newVersion(artifactVersion);
    const made = await this.promote(0, version).expect(201);
    const { status, body } = await this.promote(1, made.body.to.version);
    return { status, body };
  }

  path(stage: 0 | 1 | 2, of = `apps/${this.app}`): string {
    return `/v1/namespaces/${this.namespaces[stage]}/${of}`;
  }

  /** A version in the first namespace, with its artifact if that is new. */
  async newVersion(artifactVersion = '1.0.0', more: object = {}): Promise<number> {
    await this.api.http
      .put(this.path(0, `artifacts/shop/versions/${artifactVersion}`))
      .send({ programs: [{ name: 'cart', type: 'service' }] });
    const made = await this.api.http
      .post(`${this.path(0)}/versions`)
      .send({ artifact: { name: 'shop', version: artifactVersion }, ...more })
      .expect(201);
    return made.body.version;
  }

  /** One instance of its service makes a version run. */
  async run(stage: 0 | 1 | 2, version: number): Promise<void> {
    const instance = `${this.path(stage)}/versions/${version}/services/cart/instances/a`;
    await this.api.http.put(instance).send({ url: URL_OF_NOBODY, ttlSeconds: 300 }).expect(201);
  }

  promote(stage: 0 | 1 | 2, version: number, body: object = {}, query = '') {
    return this.api.http.post(`${this.path(stage)}/promotions${query}`).send({ version, pipeline: this.pipeline, ...body });
  }

  validate(stage: 0 | 1 | 2, version: number, check: string, result: 'passed' | 'failed') {
    return this.api.http.post(`${this.path(stage)}/validations`).send({ version, check, result });
  }
}
