import {
  fastify,
  LogController,
  type FastifyBaseLogger,
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type RawServerDefault,
} from 'fastify';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { closeEventStreams } from './event-stream.js';
import { HttpError } from './http-error.js';
import type { Logger } from './logger.js';
import type { Metrics } from './metrics.js';
import { RouteTable } from './route-table.js';
import { TrackedSockets } from './sockets.js';
import { validatorCompiler, type TypeBoxTypeProvider } from './validation.js';

/** A fastify server whose routes are typed by TypeBox schemas. */
export type HttpServer = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>;

/** One mebibyte: large app definitions and job graphs fit. */
export const BODY_BYTES_MAX = 1024 * 1024;

/** How long requests in flight may take once the server closes. */
export const CLOSE_WITHIN_MS = 2_000;

export interface HttpServerOptions {
  readonly log: Logger;
  /** Said by `/version`. */
  readonly name: string;
  readonly version: string;
  readonly metrics: Metrics;
  /** Bytes. */
  readonly bodyLimit?: number;
  readonly closeWithinMs?: number;
  /** Said by `/health` beside `status`; throw an HttpError when the service cannot work. */
  readonly health?: () => Readonly<Record<string, unknown>>;
  /** The body of an error, for an API that has a form of its own; `{ message, code, field?, expected?, got? }` otherwise. */
  readonly errorBody?: (error: HttpError) => unknown;
}

/** Makes a server with `/health`, `/version` and `/metrics`, errors in one form and a bounded end. It does not listen yet. */
export function createHttpServer(options: HttpServerOptions): HttpServer {
  const { log, name, version, metrics } = options;
  const loggerInstance: FastifyBaseLogger = log;
  const app: HttpServer = fastify({
    loggerInstance,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: options.bodyLimit ?? BODY_BYTES_MAX,
    frameworkErrors: (error, _request, reply) => sendError(error, reply as FastifyReply, options),
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 1024 },
  }).withTypeProvider<TypeBoxTypeProvider>();
  const sockets = new TrackedSockets(app.server);
  const routes = new RouteTable();

  acceptJson(app);
  app.setValidatorCompiler(validatorCompiler);
  // Answers are built by our own code: checking them again would cost and could only fail.
  app.setSerializerCompiler(() => (data) => JSON.stringify(data));
  app.addHook('onRoute', (route) => routes.add(route.method, route.url));
  app.addHook('onResponse', (request, reply, done) => {
    log.debug(
      { method: request.method, url: request.url, status: reply.statusCode, ms: Math.round(reply.elapsedTime) },
      'answered',
    );
    done();
  });
  app.addHook('preClose', (done) => {
    closeEventStreams(app.server);
    sockets.closeWithin(options.closeWithinMs ?? CLOSE_WITHIN_MS);
    done();
  });
  app.setNotFoundHandler((request) => {
    throw routes.missing(request.method, request.url);
  });
  app.setErrorHandler((error, _request, reply) => sendError(error as FastifyError, reply, options));
  app.get('/health', () => ({ status: 'ok', ...options.health?.() }));
  app.get('/version', () => ({ name, version }));
  app.get('/metrics', async (_request, reply) => {
    reply.type(metrics.contentType);
    return metrics.text();
  });
  return app;
}

/** JSON bodies and nothing else; no body at all is `undefined`, which a route's schema judges. */
function acceptJson(app: HttpServer): void {
  app.removeAllContentTypeParsers();
  const parse = app.getDefaultJsonParser('error', 'error');
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body: string, done) => {
    if (body.trim() === '') return done(null);
    if (nestsTooDeep(body)) return done(new HttpError(400, `the body nests deeper than ${JSON_DEPTH_MAX} levels`, { code: 'INVALID_JSON' }));
    return parse(request, body, (error, value) => done(error === null ? null : invalidJson(body, error), value));
  });
}

/** Deeper than any body that this service knows; far from where walking through a value would exhaust the stack. */
const JSON_DEPTH_MAX = 64;

/** Counts brackets outside of strings: cheaper than parsing, and before it. */
function nestsTooDeep(json: string): boolean {
  let depth = 0;
  let inString = false;
  for (let i = 0; i < json.length; i++) {
    const character = json[i];
    if (inString) {
      if (character === '\\') i++;
      else if (character === '"') inString = false;
    } else if (character === '"') inString = true;
    else if (character === '{' || character === '[') {
      if (++depth > JSON_DEPTH_MAX) return true;
    } else if (character === '}' || character === ']') depth--;
  }
  return false;
}

function invalidJson(body: string, error: Error): HttpError {
  let reason = error.message;
  try {
    JSON.parse(body);
  } catch (cause) {
    reason = (cause as Error).message;
  }
  return new HttpError(400, `the body is not valid JSON: ${reason}`, { code: 'INVALID_JSON', got: reason, cause: error });
}

function sendError(error: FastifyError, reply: FastifyReply, { log, errorBody }: HttpServerOptions): void {
  const httpError = toHttpError(error);
  // One that was meant (503 while starting, say) is no defect: a stack for each would let a client fill the log.
  if (httpError !== error && httpError.statusCode >= 500) log.error({ err: error, url: reply.request.url }, 'request failed');
  const { body, headers } = httpError.details;
  void reply
    .code(httpError.statusCode)
    .headers({ ...headers })
    .type('application/json; charset=utf-8')
    .serializer((sent: unknown) => JSON.stringify(sent))
    .send(body ?? errorBody?.(httpError) ?? httpError.toBody());
}

/** Fastify's own errors, in our words; anything unforeseen is a 500 that tells nothing of the inside. */
function toHttpError(error: FastifyError): HttpError {
  if (error instanceof HttpError) return error;
  switch (error.code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new HttpError(413, 'the body is larger than this service accepts');
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return new HttpError(415, 'the body must be JSON: send it with the header "content-type: application/json"', {
        field: 'content-type',
        expected: 'application/json',
      });
    default:
      break;
  }
  const status = error.statusCode ?? 500;
  if (status >= 400 && status < 500) return new HttpError(status, error.message, { cause: error });
  return new HttpError(500, 'internal error; the log of this service has the details', { cause: error });
}
