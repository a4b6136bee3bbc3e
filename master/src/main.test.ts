import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger } from '@proffer/sdk/service';
import { zmqOpener } from '@proffer/sdk/transport';
import test, { type ExecutionContext } from 'ava';
import { startMaster } from './main.js';
import type { MasterOptions, RunningMaster } from './options.js';

const log = createLogger({ name: 'master', level: 'silent' });

function workDir(t: ExecutionContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'proffer-master-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

function start(directory: string, options: Partial<MasterOptions> = {}): Promise<RunningMaster> {
  return startMaster({ workDir: directory, log, httpPort: 0, zmqPort: 0, ...options });
}

async function get(master: RunningMaster, path: string): Promise<Record<string, unknown>> {
  return (await (await fetch(`http://${master.httpAddress}${path}`)).json()) as Record<string, unknown>;
}

/** Subscribes a framework and resolves with its id once the master has answered. */
function subscribe(t: ExecutionContext, master: RunningMaster): Promise<string> {
  return new Promise((resolve) => {
    const link = zmqOpener({ endpoint: master.endpoint, kind: 'framework' })({
      onOpen: () => link.send({ type: 'SUBSCRIBE', frameworkInfo: { name: 'web', roles: ['*'], failoverTimeout: 60 } }),
      onMessages: (messages) => {
        for (const message of messages) if (message.type === 'SUBSCRIBED') resolve(message.frameworkId);
      },
      onClosed: () => undefined,
    });
    t.teardown(() => link.close());
  });
}

test('a framework subscribes over ZeroMQ, is seen over HTTP, and is known to the next master on the same registry', async (t) => {
  const directory = workDir(t);
  const first = await start(directory);
  const frameworkId = await subscribe(t, first);
  t.like(await get(first, '/state'), { masterId: first.masterId, endpoint: first.endpoint, agents: [], tasks: [] });
  t.like((await get(first, '/frameworks'))['frameworks'], { 0: { frameworkId, name: 'web', state: 'connected', principal: 'anonymous' } });
  t.like(await get(first, '/health'), { status: 'ok', frameworks: 1 });
  const metrics = await (await fetch(`http://${first.httpAddress}/metrics`)).text();
  t.regex(metrics, /^proffer_master_subscriptions_total 1$/m);
  t.regex(metrics, /^proffer_master_frameworks\{state="connected"\} 1$/m);
  t.regex(metrics, /^# TYPE proffer_master_messages_received_total counter$/m);
  await first.close();

  const second = await start(directory);
  t.not(second.masterId, first.masterId);
  t.like((await get(second, '/frameworks'))['frameworks'], { 0: { frameworkId, state: 'recovered' } });
  await second.close();
});

test('operators: errors name what is wrong, browsers of other sites are refused, a teardown is final', async (t) => {
  const master = await start(workDir(t));
  t.teardown(() => master.close());
  const frameworkId = await subscribe(t, master);
  const post = async (path: string, headers: Record<string, string> = {}): Promise<[number, Record<string, unknown>]> => {
    const response = await fetch(`http://${master.httpAddress}${path}`, { method: 'POST', headers });
    return [response.status, (await response.json()) as Record<string, unknown>];
  };
  t.like(await post('/frameworks/none/teardown'), { 0: 404, 1: { code: 'NOT_FOUND', message: 'there is no framework "none"' } });
  t.like(await post(`/frameworks/${frameworkId}/tasks/t/kill`), { 0: 404, 1: { message: `framework "${frameworkId}" has no task "t"` } });
  t.like(await post('/agents/none/gone'), { 0: 404 });
  t.like(await post('/agents/none'), { 0: 404, 1: { message: 'there is nothing at /agents/none' } });
  t.like(await post('/state'), { 0: 405 });
  t.like(await post(`/frameworks/${frameworkId}/teardown`, { origin: 'http://evil.example' }), { 0: 403, 1: { field: 'origin' } });
  t.like(await get(master, '/tasks?limit=x'), { code: 'INVALID_FIELD', field: 'limit', got: '"x"' });
  t.deepEqual(await post(`/frameworks/${frameworkId}/teardown`), [202, { status: 'accepted' }]);
});

test('a master that cannot start says why and leaves nothing behind', async (t) => {
  const directory = workDir(t);
  const master = await start(directory);
  t.teardown(() => master.close());
  await t.throwsAsync(start(directory), { message: /registry is in use by another process/ });
  const other = workDir(t);
  const port = Number(master.httpAddress.split(':')[1]);
  await t.throwsAsync(start(other, { httpPort: port }), { message: new RegExp(`port ${port} of 127.0.0.1 is in use: .*another HTTP port`) });
  const zmqPort = Number(master.endpoint.split(':')[2]);
  await t.throwsAsync(start(other, { zmqPort }), { message: /is in use: .*another port for agents and frameworks/ });
  await t.throwsAsync(start(other, { host: '0.0.0.0' }), { message: /reachable from other machines.*--insecure/ });
  // Whatever those failed ones had opened is closed again.
  await (await start(other)).close();
});
