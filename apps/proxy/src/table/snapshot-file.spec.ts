import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RouteSnapshot } from '@app-fabric/contracts';
import { parseSnapshot, SnapshotFile, type SnapshotToWrite } from './snapshot-file.js';
import { routeDocument } from './testing/fake-bus.js';
import { FakeClock } from './testing/fake-clock.js';
import { renderSnapshot } from './testing/render-snapshot.js';

describe('SnapshotFile', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fabric-snapshot-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  function bench(path = join(folder, 'deep/snapshot.json')) {
    const clock = new FakeClock();
    const warnings: string[] = [];
    const state: { snapshot: SnapshotToWrite | null; renders: number } = { snapshot: null, renders: 0 };
    const file = new SnapshotFile(path, clock, { warn: (_fields, text) => warnings.push(text) }, () => {
      state.renders += 1;
      return state.snapshot;
    });
    return { clock, warnings, state, file, path };
  }
  const at = (revision: number): RouteSnapshot => ({ epoch: 'e1', revision, documents: [routeDocument('a', revision)] });
  const json = ({ documents, ...head }: RouteSnapshot): SnapshotToWrite => ({
    ...head,
    documents: documents.map((one) => ({ json: JSON.stringify(one) })),
  });

  it('a burst of changes becomes one file, and the next one is not written at once', async () => {
    const { clock, state, file } = bench();
    for (let revision = 1; revision <= 100; revision += 1) {
      state.snapshot = json(at(revision));
      file.changed();
    }
    await clock.advance(200);
    await file.flush();
    expect(await file.load()).toEqual({ ok: true, value: at(100), unreadable: [] });
    expect(state.renders).toBe(1);
    state.snapshot = json(at(101));
    file.changed();
    await clock.advance(1_500);
    expect(state.renders).toBe(1);
    await clock.advance(1_000);
    await file.flush();
    expect(await file.load()).toEqual({ ok: true, value: at(101), unreadable: [] });
  });

  it('close writes what has not been written, and leaves no temporary file', async () => {
    const { state, file, path } = bench();
    state.snapshot = json(at(3));
    file.changed();
    await file.close();
    expect(await file.load()).toMatchObject({ ok: true, value: { revision: 3 } });
    expect(await readdir(join(path, '..'))).toEqual(['snapshot.json']);
  });

  it('many documents, with characters of several bytes, are written in pieces and read as one', async () => {
    const { state, file } = bench();
    const names = Array.from({ length: 1_001 }, (_, index) => `app-${index}`);
    const many = { epoch: 'e1', revision: 7, documents: names.map((name) => routeDocument(name, 7, undefined, 'http://bücher.example:9')) };
    state.snapshot = json(many);
    file.changed();
    await file.close();
    expect(await file.load()).toEqual({ ok: true, value: many, unreadable: [] });
  });

  it('there is none at the first start', async () => {
    expect(await bench().file.load()).toBeNull();
  });

  it('what cannot be written is said once, and harms nobody', async () => {
    const { state, file, warnings } = bench('/dev/null/x/snapshot.json');
    state.snapshot = json(at(1));
    for (let i = 0; i < 3; i += 1) {
      file.changed();
      await file.flush();
    }
    expect(warnings).toHaveLength(1);
  });

  it('every truncation and every changed byte is noticed', () => {
    const text = renderSnapshot(json(at(5)));
    expect(parseSnapshot(text)).toEqual({ ok: true, value: at(5), unreadable: [] });
    for (let length = 0; length < text.length; length += 1) expect(parseSnapshot(text.slice(0, length)).ok).toBe(false);
    for (let i = 0; i < text.length; i += 7) {
      const changed = text.slice(0, i) + String.fromCharCode(text.charCodeAt(i) ^ 1) + text.slice(i + 1);
      expect(parseSnapshot(changed).ok).toBe(false);
    }
  });

  it('a document that this program cannot read does not cost the others, and is named', () => {
    const newer = { ...routeDocument('b', 4), format: 99 };
    const long = { routes: { namespace: 'n'.repeat(1_000), app: 'c' } };
    const text = renderSnapshot({
      epoch: 'e1',
      revision: 5,
      documents: [routeDocument('a', 5), newer, { format: 99 }, long, 'x', null].map((one) => ({ json: JSON.stringify(one) })),
    });
    expect(parseSnapshot(text)).toMatchObject({
      ok: true,
      value: { documents: [{ revision: 5 }] },
      unreadable: [
        { key: 'default/b', revision: 4, reason: expect.stringContaining('document.format') },
        { key: null, revision: null, reason: expect.stringContaining('document.format') },
        { key: 'n'.repeat(257), revision: null },
        { key: null, revision: null, reason: expect.stringContaining('document') },
        { key: null, revision: null },
      ],
    });
  });
});
