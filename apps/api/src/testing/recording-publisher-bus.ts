import { appKey, parseRouteDocument, type RouteChange, type RouteDocument, type RouteSnapshot } from '@app-fabric/contracts';
import { eventually } from './eventually.js';
import { FakePublisherBus } from './fake-publisher-bus.js';

/** Keeps what was published as a proxy would: through text and the parser, so that what no proxy would take is an error. */
export class RecordingPublisherBus extends FakePublisherBus {
  private readonly documents = new Map<string, RouteDocument | null>();
  private revision = 0;

  override async publish(change: RouteChange): Promise<void> {
    this.documents.set(change.key, change.document && parsed(change.document));
    this.revision = change.revision;
    await super.publish(change);
  }

  override async replaceAll(snapshot: RouteSnapshot): Promise<void> {
    for (const document of snapshot.documents) this.documents.set(appKey(document.routes.namespace, document.routes.app), parsed(document));
    this.revision = snapshot.revision;
    await super.replaceAll(snapshot);
  }

  /** Routes of an app of namespace `default` as soon as they are as `check` wants them; it throws while they are not. */
  async routesOf(app: string, check: (routes: RouteDocument['routes']) => void): Promise<void> {
    await eventually(async () => {
      const document = this.documents.get(appKey('default', app));
      if (!document) throw new Error(`no routes of ${app} at revision ${this.revision}`);
      check(document.routes);
    });
  }
}

function parsed(document: RouteDocument): RouteDocument {
  const result = parseRouteDocument(JSON.parse(JSON.stringify(document)));
  if (!result.ok) throw new Error(`a document that no proxy would take: ${result.reason}`);
  return result.value;
}
