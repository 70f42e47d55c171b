import type { Server } from 'node:http';
import type { DynamicModule } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { AppParts } from './app.module.js';
import { BODY_LIMIT_BYTES, checkJsonBody, onBodyError } from './http/json-body.js';
import { NestLogger } from './http/nest-logger.js';
import { createOpenApiDocument, methodsByPath, serveOpenApi } from './http/openapi.js';
import { answerParserErrors, checkHead } from './http/parser-errors.js';
import { ProblemFilter } from './http/problem.filter.js';
import { requestLog } from './http/request-log.js';
import { checkUrl } from './http/url.js';
import { Metrics } from './metrics/metrics.js';
import { requestSpan } from './tracing/request-span.js';

const HEADERS_TIMEOUT_MS = 10_000;
/** For a whole request, a bundle's upload included. */
const REQUEST_TIMEOUT_MS = 300_000;
/** Longer than load balancers keep idle connections, so that it is they who close them. */
const KEEP_ALIVE_MS = 65_000;
const MAX_CONNECTIONS = 5_000;

/** The application with everything that belongs to HTTP, not listening yet. */
export async function createApp(parts: AppParts, root: DynamicModule): Promise<NestExpressApplication> {
  const app = await NestFactory.create<NestExpressApplication>(root, {
    bodyParser: false,
    logger: new NestLogger(parts.logger),
    abortOnError: false,
  });
  app.disable('x-powered-by');
  app.disable('etag'); // ETags are revisions, not hashes of answers
  app.set('query parser', 'simple');
  app.use(requestLog(parts.logger, app.get(Metrics), parts.shutdown));
  app.use(requestSpan(parts.traces));
  app.use(checkHead);
  app.use(checkUrl);
  app.useBodyParser('json', { limit: BODY_LIMIT_BYTES });
  app.use(onBodyError);
  app.use(checkJsonBody);
  const document = createOpenApiDocument(app);
  serveOpenApi(app, document);
  app.useGlobalFilters(new ProblemFilter(parts.logger, methodsByPath(document)));
  boundConnections(app.getHttpServer());
  answerParserErrors(app.getHttpServer());
  return app;
}

function boundConnections(server: Server): void {
  server.headersTimeout = HEADERS_TIMEOUT_MS;
  server.requestTimeout = REQUEST_TIMEOUT_MS;
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  server.maxConnections = MAX_CONNECTIONS;
}
