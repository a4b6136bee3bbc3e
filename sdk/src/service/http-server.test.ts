import { Type } from '@sinclair/typebox';
import test, { type ExecutionContext } from 'ava';
import { connect, type AddressInfo } from 'node:net';
import {
  createHttpServer,
  createLogger,
  HttpError,
  Metrics,
  streamEvents,
  type HttpServer,
  type HttpServerOptions,
} from './index.js';

const Body = Type.Object(
  {
    instances: Type.Integer({ minimum: 0 }),
    cpus: Type.Number({ default: 1 }),
    ports: Type.Optional(
      Type.Array(Type.Object({ port: Type.Union([Type.Integer(), Type.Literal('any')]) }, { additionalProperties: false })),
    ),
  },
  { additionalProperties: false },
);

function server(t: ExecutionContext, options: Partial<HttpServerOptions> = {}): HttpServer {
  const log = createLogger({ name: 'test', level: 'silent' });
  const metrics = new Metrics({ processMetrics: false });
  metrics.counter('launches_total', 'Launches').inc(3);
  const app = createHttpServer({ log, name: 'test', version: '1.2.3', metrics, bodyLimit: 1000, ...options });
  app.post(
    '/things/:id',
    { schema: { body: Body, querystring: Type.Object({ force: Type.Boolean({ default: false }) }) } },
    (request) => ({
      instances: request.body.instances + 1,
      cpus: request.body.cpus,
      force: request.query.force,
    }),
  );
  app.get('/apps/*', () => 'app');
  app.get('/boom', () => {
    throw new Error('a password');
  });
  app.get('/conflict', () => {
    throw new HttpError(409, 'thing "a" is busy', { headers: { 'retry-after': '1' } });
  });
  t.teardown(() => app.close());
  return app;
}

test('every service says its health, version and metrics', async (t) => {
  const app = server(t, { health: () => ({ leader: true }) });
  t.deepEqual((await app.inject('/health')).json(), { status: 'ok', leader: true });
  t.deepEqual((await app.inject('/version')).json(), { name: 'test', version: '1.2.3' });
  t.regex((await app.inject('/metrics')).body, /^launches_total 3$/m);
  t.is((await app.inject('/apps/a/b/c')).body, 'app');
});

test('a body is typed by its schema: defaults filled in, text of the URL converted', async (t) => {
  const reply = await server(t).inject({ method: 'POST', url: '/things/1?force=true', payload: { instances: 2 } });
  t.deepEqual(reply.json(), { instances: 3, cpus: 1, force: true });
});

interface Refused {
  readonly title: string;
  readonly method?: 'GET' | 'POST' | 'DELETE';
  readonly url?: string;
  readonly body?: string;
  readonly type?: string;
  readonly status: number;
  readonly expected: Readonly<Record<string, unknown>>;
}

const refused: readonly Refused[] = [
  {
    title: 'a value of the wrong type',
    body: '{"instances":"two"}',
    status: 400,
    expected: { code: 'INVALID_FIELD', field: 'instances', got: '"two"' },
  },
  {
    title: 'a value out of bounds',
    body: '{"instances":-1}',
    status: 400,
    expected: { field: 'instances', expected: 'an integer of at least 0', got: '-1' },
  },
  { title: 'a missing field', body: '{}', status: 400, expected: { field: 'instances', got: 'nothing' } },
  {
    title: 'an unknown field',
    body: '{"instances":1,"inst":1}',
    status: 400,
    expected: { code: 'UNKNOWN_FIELD', field: 'inst' },
  },
  {
    title: 'a fault deep inside',
    body: '{"instances":1,"ports":[{"port":1},{"port":"x"}]}',
    status: 400,
    expected: { field: 'ports[1].port', expected: 'an integer or "any"' },
  },
  { title: 'a list for an object', body: '[]', status: 400, expected: { message: 'the body must be an object, got []' } },
  { title: 'no body', body: '', status: 400, expected: { message: 'the body must be an object, got nothing' } },
  { title: 'no JSON', body: '{"instances":', status: 400, expected: { code: 'INVALID_JSON' } },
  { title: 'a body that nests too deep', body: `{"a":${'['.repeat(100)}`, status: 400, expected: { code: 'INVALID_JSON' } },
  { title: 'a poisoned body', body: '{"instances":1,"__proto__":{"x":1}}', status: 400, expected: { code: 'INVALID_JSON' } },
  {
    title: 'another media type',
    body: 'instances=1',
    type: 'application/x-www-form-urlencoded',
    status: 415,
    expected: { field: 'content-type', expected: 'application/json' },
  },
  { title: 'plain text', body: '{"instances":1}', type: 'text/plain', status: 415, expected: { field: 'content-type' } },
  {
    title: 'a body too large',
    body: JSON.stringify({ instances: 'x'.repeat(1000) }),
    status: 413,
    expected: { code: 'BODY_TOO_LARGE' },
  },
  {
    title: 'a bad query',
    url: '/things/1?force=maybe',
    body: '{"instances":1}',
    status: 400,
    expected: { field: 'force', expected: 'a boolean' },
  },
  {
    title: 'a URI that is not there',
    method: 'GET',
    url: '/nothing?x=1',
    status: 404,
    expected: { message: 'there is nothing at /nothing', code: 'NOT_FOUND' },
  },
  {
    title: 'a method that is not there',
    method: 'DELETE',
    url: '/things/1',
    status: 405,
    expected: { expected: 'POST', got: 'DELETE' },
  },
  { title: 'a URI that is not one', method: 'GET', url: '/%zz', status: 400, expected: { code: 'BAD_REQUEST' } },
  {
    title: "the service's own error",
    method: 'GET',
    url: '/conflict',
    status: 409,
    expected: { message: 'thing "a" is busy', code: 'CONFLICT' },
  },
];

for (const { title, method = 'POST', url = '/things/1', body, type = 'application/json', status, expected } of refused) {
  test(`refused with ${status}: ${title}`, async (t) => {
    const app = server(t);
    const reply = await app.inject({
      method,
      url,
      ...(body === undefined ? {} : { payload: body, headers: { 'content-type': type } }),
    });
    t.is(reply.statusCode, status, reply.body);
    t.like(reply.json(), { ...expected });
    t.is(typeof reply.json().message, 'string');
    t.is((await app.inject('/health')).statusCode, 200);
  });
}

test('an unforeseen error tells nothing of the inside, and a service may have its own form of errors', async (t) => {
  const reply = await server(t).inject('/boom');
  t.is(reply.statusCode, 500);
  t.notRegex(reply.body, /password/);
  const own = server(t, { errorBody: (error) => ({ fault: error.code }) });
  t.deepEqual((await own.inject('/nothing')).json(), { fault: 'NOT_FOUND' });
});

test('a stream sends numbered events, drops a reader that does not read, and ends with its server', async (t) => {
  const app = server(t, { closeWithinMs: 50 });
  const ends: string[] = [];
  app.get('/events', (_request, reply) => {
    const stream = streamEvents(reply, { bytesMax: 64 * 1024, onEnd: (why) => ends.push(why) });
    stream.send({ id: 7, event: 'update', data: { text: 'two\nlines' } });
  });
  app.get('/flood', (_request, reply) => {
    const stream = streamEvents(reply, { bytesMax: 64 * 1024, onEnd: (why) => ends.push(why) });
    while (stream.send({ data: 'x'.repeat(10_000) }));
  });
  await app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = app.server.address() as AddressInfo;

  const slow = connect(port, '127.0.0.1');
  slow.pause();
  slow.on('error', () => undefined);
  slow.write('GET /flood HTTP/1.1\r\nHost: x\r\n\r\n');
  await new Promise((resolve) => slow.once('close', resolve).resume());
  t.deepEqual(ends, ['too slow']);

  t.is(await (await fetch(`http://127.0.0.1:${port}/events`, { method: 'HEAD' })).text(), '');
  t.deepEqual(ends, ['too slow', 'closed'], 'a HEAD is no reader');
  const response = await fetch(`http://127.0.0.1:${port}/events`);
  const reader = response.body!.getReader();
  const first = await reader.read();
  t.is(new TextDecoder().decode(first.value), 'id: 7\nevent: update\ndata: {"text":"two\\nlines"}\n\n');
  const idle = connect(port, '127.0.0.1');
  await new Promise((resolve) => idle.once('connect', resolve));
  await app.close();
  t.true((await reader.read()).done);
  t.deepEqual(ends, ['too slow', 'closed', 'closed']);
});

test('close ends within its bound though a request never gets its answer', async (t) => {
  const app = server(t, { closeWithinMs: 20 });
  app.get('/never', () => new Promise<never>(() => undefined));
  await app.listen({ host: '127.0.0.1', port: 0 });
  const request = fetch(`http://127.0.0.1:${(app.server.address() as AddressInfo).port}/never`);
  const failed = t.throwsAsync(request);
  await new Promise((resolve) => app.server.once('request', resolve));
  await app.close();
  await failed;
});
