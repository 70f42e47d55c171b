import {
  appKey,
  parseRouteDocument,
  type RouteChange,
  type RouteDocument,
  type RouteHead,
  type RouteSnapshot,
} from '@app-fabric/contracts';
import { eventually } from './eventually.js';
import { FakePublisherBus } from './fake-publisher-bus.js';

/** Keeps what was published as a proxy would: through text and the parser, so that what no proxy would take is an error. */
export class RecordingPublisherBus extends FakePublisherBus {
  override publish(change: RouteChange): Promise<boolean> {
    return super.publish({ ...change, document: change.document && parsed(change.document) });
  }

  override replaceAll(snapshot: RouteSnapshot, expected: RouteHead | null): Promise<boolean> {
    return super.replaceAll({ ...snapshot, documents: snapshot.documents.map(parsed) }, expected);
  }

  /** Routes of an app of namespace `default` as soon as they are as `check` wants them; it throws while they are not. */
  async routesOf(app: string, check: (routes: RouteDocument['routes']) => void): Promise<void> {
    await eventually(async () => {
      const document = this.documents.get(appKey('default', app));
      if (!document) throw new Error(`no routes of ${app} at revision ${this.stored?.revision}`);
      check(document.routes);
    });
  }
}

function parsed(document: RouteDocument): RouteDocument {
  const result = parseRouteDocument(JSON.parse(JSON.stringify(document)));
  if (!result.ok) throw new Error(`a document that no proxy would take: ${result.reason}`);
  return result.value;
}
