import { createServer as createHttp, type RequestListener, type Server } from 'node:http';
import { createServer as createTcp, type AddressInfo } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import type { HealthCheck } from '@proffer/sdk/model';
import { firstCheckAt, invalidHealthCheck, judge, nextCheckAt, NO_HEALTH, recoveredHealth, type Health } from './machine.js';
import { CHECKS_AT_ONCE_MAX, Prober } from './prober.js';

const check: HealthCheck = { type: 'TCP', tcp: { port: 1 }, gracePeriodSeconds: 10, consecutiveFailures: 3 };

/** Applies results, one a second from the start on; says after each: what is told and whether it is killed. */
function run(results: string, from: Partial<HealthCheck> = {}, start: Health = NO_HEALTH): string {
  let health = start;
  return [...results]
    .map((result, second) => {
      const verdict = judge({ ...check, ...from }, health, result === '+', 0, 1000 * second);
      health = verdict.health;
      return `${verdict.changed ? (health.healthy === true ? 'H' : 'U') : '.'}${verdict.kill ? '!' : ''}`;
    })
    .join('');
}

test('results and what they mean', (t) => {
  const table: [why: string, results: string, meaning: string, from?: Partial<HealthCheck>, start?: Health][] = [
    ['the first success is told, the next ones are not', '+++', 'H..'],
    ['failures in the grace period do not count', '----------', '..........'],
    ['after it they do', '-------------', '..........U..!'],
    ['after a success they count at once', '+---', 'HU..!'],
    ['a success in between begins the count anew', '+--+--+', 'HU.HU.H'],
    ['without a grace period', '---', 'U..!', { gracePeriodSeconds: 0 }],
    ['one failure is enough', '-', 'U!', { gracePeriodSeconds: 0, consecutiveFailures: 1 }],
    ['0 never kills', '-----', 'U....', { gracePeriodSeconds: 0, consecutiveFailures: 0 }],
    ['a task known to be healthy before the agent restarted', '+---', '.U..!', {}, recoveredHealth(true)],
    ['one known to be unhealthy gets all its chances again', '---', '...!', {}, recoveredHealth(false)],
  ];
  for (const [why, results, meaning, from, start] of table) t.is(run(results, from, start), meaning, why);
});

test('when checks are due', (t) => {
  t.is(firstCheckAt({ type: 'TCP' }, 1000), 16_000);
  t.is(nextCheckAt({ type: 'TCP' }, 1000), 11_000);
  t.is(firstCheckAt({ type: 'TCP', delaySeconds: 0 }, 1000), 1000);
  t.is(nextCheckAt({ type: 'TCP', intervalSeconds: 0 }, 1000), 1100, 'never a busy loop');
});

test('checks that lack their part', (t) => {
  t.is(invalidHealthCheck(check), undefined);
  t.regex(invalidHealthCheck({ type: 'COMMAND' })!, /healthCheck.command is needed/);
  t.regex(invalidHealthCheck({ type: 'HTTP', http: { port: 0 } })!, /port must be from 1/);
});

const noContainers = { exec: () => Promise.resolve({ error: 'no containers here' }) };

function prober(t: ExecutionContext, containers: ConstructorParameters<typeof Prober>[0] = noContainers): Prober {
  const made = new Prober(containers);
  t.teardown(() => made.close());
  return made;
}

async function serve(t: ExecutionContext, answer: RequestListener): Promise<number> {
  const server: Server = createHttp(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

test('HTTP: 200 to 399 is healthy, whatever the body; silence is not', async (t) => {
  const port = await serve(t, (request, response) => {
    if (request.url === '/silent') return;
    response.writeHead(Number(request.url!.slice(1)) || 500, { location: '/500' });
    // Where there is no body, the head is sent with the end.
    if (request.url === '/204') response.end();
    else response.write('endless');
  });
  const p = prober(t);
  const probe = (path: string, timeoutSeconds = 5) => p.run('c', { type: 'HTTP', http: { port, path }, timeoutSeconds });
  for (const status of [200, 204, 302, 399]) t.like(await probe(`/${status}`), { healthy: true });
  for (const status of [400, 404, 500, 503]) t.like(await probe(`/${status}`), { healthy: false });
  t.deepEqual(await probe('/200'), { healthy: true, message: `GET /200 on port ${port} answered 200` });
  t.deepEqual(await probe('/silent', 0.05), { healthy: false, message: 'no answer within 0.05 s' });
  t.like(await probe('//127.0.0.2:1/'), { healthy: false, message: `GET //127.0.0.2:1/ on port ${port} answered 500` });
});

test('TCP: a connection that opens', async (t) => {
  const server = createTcp((socket) => socket.end());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const p = prober(t);
  t.like(await p.run('c', { type: 'TCP', tcp: { port } }), { healthy: true });
  await new Promise((resolve) => server.close(resolve));
  const refused = await p.run('c', { type: 'TCP', tcp: { port } });
  t.false(refused.healthy);
  t.regex(refused.message, /ECONNREFUSED/);
});

test('a container with networks of its own is asked at its address', async (t) => {
  const port = await serve(t, (_request, response) => response.end());
  const addresses = new Map([['there', ['127.0.0.1', '10.0.0.1']], ['elsewhere', ['127.0.0.2']], ['alone', []]]);
  const p = prober(t, { ...noContainers, ipAddresses: (id) => addresses.get(id) });
  t.true((await p.run('there', { type: 'HTTP', http: { port } })).healthy);
  t.regex((await p.run('elsewhere', { type: 'TCP', tcp: { port } })).message, /ECONNREFUSED/);
  t.like(await p.run('alone', { type: 'HTTP', http: { port } }), { healthy: false, message: 'its network has only a loopback, which nobody else reaches; check it with a COMMAND' });
});

test('COMMAND: exit code 0; so many at once and no more', async (t) => {
  let running = 0;
  let most = 0;
  const codes = [0, 1];
  const p = prober(t, {
    exec: async () => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setImmediate(resolve));
      running -= 1;
      return { code: codes.shift() ?? 0 };
    },
  });
  const command: HealthCheck = { type: 'COMMAND', command: { shell: true, value: 'true' } };
  const results = await Promise.all(Array.from({ length: 3 * CHECKS_AT_ONCE_MAX }, () => p.run('c', command)));
  t.is(most, CHECKS_AT_ONCE_MAX);
  t.deepEqual(results.slice(0, 2).map(({ healthy }) => healthy), [true, false]);
  t.like(await prober(t).run('c', command), { healthy: false, message: "the check's command failed: no containers here" });
});
