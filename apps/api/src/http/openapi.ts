import { applyDecorators, type INestApplication } from '@nestjs/common';
import {
  ApiExtraModels,
  ApiHeader,
  ApiProperty,
  ApiQuery,
  ApiResponse,
  DocumentBuilder,
  getSchemaPath,
  type OpenAPIObject,
  SwaggerModule,
} from '@nestjs/swagger';
import { PROBLEM_TYPE, problem } from './problem.js';

class FieldErrorDto {
  @ApiProperty({ example: 'labels' }) path!: string;
  @ApiProperty({ example: 'labels must be an object' }) message!: string;
}

class ProblemDto {
  @ApiProperty({ example: 'urn:app-fabric:problem:validation_failed' }) type!: string;
  @ApiProperty({ example: 'Bad Request' }) title!: string;
  @ApiProperty({ example: 400 }) status!: number;
  @ApiProperty({ example: 'The request is not what this call takes.' }) detail!: string;
  @ApiProperty({ example: 'validation_failed', description: 'Stable; for scripts.' }) code!: string;
  @ApiProperty({ type: [FieldErrorDto], required: false, description: 'With status 400.' }) errors?: FieldErrorDto[];
  @ApiProperty({ required: false, example: '5f0c0c9e-3a53-4f0e-8c53-0d6a1c1d7f7e' }) requestId?: string;
}

/** The errors that any route may give need no mention by it; a route names its own codes. */
const USUAL_CODE: Record<number, string> = {
  400: 'validation_failed',
  401: 'unauthenticated',
  403: 'forbidden',
  404: 'not_found',
  409: 'conflict',
  412: 'precondition_failed',
  413: 'body_too_large',
  415: 'unsupported_media_type',
  422: 'unprocessable',
  503: 'dependency_unavailable',
};

const MEANING: Record<number, string> = {
  400: 'Malformed: `errors` says where.',
  401: 'No valid token.',
  403: 'The token may not do this.',
  404: 'Not there.',
  409: 'The state forbids it.',
  412: '`If-Match` is stale.',
  413: 'The body is too large.',
  415: 'Not the content type that this call takes.',
  422: 'Well-formed, but refers to what does not exist.',
  503: 'A dependency is down; nothing was changed.',
};

/**
 * The errors of a route, as statuses or `{409: ['namespace_in_use', …]}` with their codes. 401 and 503, which every route has, come by themselves.
 * One example per code.
 */
export function ApiProblems(...problems: (number | Record<number, readonly string[]>)[]): MethodDecorator & ClassDecorator {
  const codes = new Map<number, string[]>([
    [401, ['unauthenticated']],
    [503, ['dependency_unavailable']],
  ]);
  const add = (status: number, ...more: string[]) => codes.set(status, [...new Set([...(codes.get(status) ?? []), ...more])]);
  for (const given of problems) {
    if (typeof given === 'number') add(given, USUAL_CODE[given] ?? 'error');
    else for (const [status, own] of Object.entries(given)) add(Number(status), ...own);
  }
  return applyDecorators(
    ApiExtraModels(ProblemDto),
    ...[...codes].map(([status, own]) =>
      ApiResponse({
        status,
        description: MEANING[status] ?? 'Error.',
        content: {
          [PROBLEM_TYPE]: {
            schema: { $ref: getSchemaPath(ProblemDto) },
            examples: Object.fromEntries(own.map((code) => [code, { value: exampleProblem(status, code) }])),
          },
        },
      }),
    ),
  );
}

/** For routes with {@link Expected}. */
export const ApiIfMatch = () =>
  applyDecorators(
    ApiHeader({ name: 'If-Match', required: false, description: 'Change it only if its ETag is one of these.', example: '"7"' }),
    ApiHeader({ name: 'If-None-Match', required: false, description: '`*`: only if it does not exist.' }),
  );

/** For routes with {@link PageQuery}. */
export const ApiPage = () =>
  applyDecorators(
    ApiQuery({
      name: 'limit',
      required: false,
      example: 50,
      description: '1 to 500; 50 if not given.',
      schema: { type: 'integer', minimum: 1, maximum: 500 },
    }),
    ApiQuery({ name: 'cursor', required: false, description: '`nextCursor` of the page before.', schema: { type: 'string' } }),
  );

/** The whole document, of all routes that the application has. */
export function createOpenApiDocument(app: INestApplication): OpenAPIObject {
  const config = new DocumentBuilder()
    .setTitle('App Fabric')
    .setDescription('Run several versions of an application at once and move traffic between them safely.')
    .setVersion('1')
    .addBearerAuth()
    .addSecurityRequirements('bearer')
    .build();
  return SwaggerModule.createDocument(app, config);
}

/** Swagger UI at /docs, the document at /openapi.json. */
export function serveOpenApi(app: INestApplication, document: OpenAPIObject): void {
  SwaggerModule.setup('docs', app, document, { jsonDocumentUrl: 'openapi.json', raw: ['json'], customSiteTitle: 'App Fabric API' });
}

/** Says which methods a path has, from the document. */
export function methodsByPath(document: OpenAPIObject): (path: string) => string[] {
  const routes = Object.entries(document.paths).map(([template, item]) => ({
    pattern: new RegExp(`^${template.replace(/[.*+?^$()|[\]\\]/g, '\\$&').replace(/\{[^}]+\}/g, '[^/]+')}/?$`),
    methods: Object.keys(item).filter((key) => METHODS.has(key)),
  }));
  return (path) => {
    const found = routes
      .filter(({ pattern }) => pattern.test(path))
      .flatMap(({ methods }) => methods.map((method) => method.toUpperCase()));
    return [...new Set(found.includes('GET') ? [...found, 'HEAD'] : found)].sort();
  };
}

const METHODS = new Set(['get', 'put', 'post', 'delete', 'patch', 'options', 'head']);

function exampleProblem(status: number, code: string): unknown {
  const errors = status === 400 ? { errors: [{ path: 'labels', message: 'labels must be an object' }] } : {};
  return problem(status, code, MEANING[status] ?? 'Error.', errors);
}
