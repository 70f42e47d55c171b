import { fieldsOfList } from './fields.js';
import { hopsOf, withHop } from './hops.js';

const cases: { title: string; fields: string[]; hops: number; next: string }[] = [
  { title: 'a request that comes for the first time', fields: [], hops: 0, next: 'app-fabric' },
  {
    title: 'others’ entries are kept and not counted',
    fields: ['CDN-Loop', 'cdn.example; v="a"'],
    hops: 0,
    next: 'cdn.example; v="a", app-fabric',
  },
  {
    title: 'own entries in several fields, in any case, with parameters',
    fields: ['cdn-loop', 'app-fabric, other', 'CDN-Loop', 'App-Fabric;x=1'],
    hops: 2,
    next: 'app-fabric, other, App-Fabric;x=1, app-fabric',
  },
  {
    title: 'a name that only begins alike is somebody else',
    fields: ['CDN-Loop', 'app-fabric.example'],
    hops: 0,
    next: 'app-fabric.example, app-fabric',
  },
];

describe('RFC 8586 CDN-Loop', () => {
  for (const { title, fields, hops, next } of cases) {
    it(title, () => {
      const read = fieldsOfList(fields);
      expect([hopsOf(read), withHop(read)]).toEqual([hops, next]);
    });
  }
});
