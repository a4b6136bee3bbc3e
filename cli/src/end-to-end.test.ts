/** The whole of it, as a user has it: real processes, real containers, with root or without. */
import process from 'node:process';
import { isDeepStrictEqual } from 'node:util';
import test from 'ava';
import type { StateJson } from './api/master.js';
import { isRunning } from './up/processes.js';
import { eventually, getJson, page, programOf, TestCluster, watchPage, WITHIN_MS } from './end-to-end.test-helper.js';

const cluster = new TestCluster();
const NOTHING = { processes: [], mounts: [], cgroups: [] };

test.after.always('nothing of it stays on the machine', async () => {
  if (cluster.upProcess.exitCode === null && cluster.upProcess.signalCode === null) await cluster.end('SIGINT');
  cluster.remove();
});

test.afterEach.always((t) => {
  if (!t.passed) t.log(`proffer up said:\n${cluster.said}\n${cluster.logs()}`);
});

/** Waits until so many instances of the example are healthy and nothing is being deployed. */
async function healthy(instances: number): Promise<void> {
  await eventually(`${instances} instances are healthy`, async () => {
    const app = await cluster.app('hello');
    return app.tasksHealthy === instances && app.tasks?.length === instances && app.deployments?.length === 0 ? true : undefined;
  });
}

/** Addresses of the example's instances. */
async function addresses(): Promise<string[]> {
  const app = await cluster.app('hello');
  return (app.tasks ?? []).map(({ host, ports }) => `http://${host}:${ports[0]}`);
}

/** Waits until the part that was started again has found the others, and everybody knows the same tasks with their processes. */
async function settledWith(pids: Readonly<Record<string, number>>): Promise<void> {
  const { agents, master, marathon } = cluster.summary;
  await eventually('all is connected and the same tasks run', async () => {
    const agent = (await getJson(`${agents[0]!.url}/state`)) as { registered: boolean; tasks: { taskId: string; pid?: number; ended: boolean }[] };
    const known = agent.tasks.filter(({ ended }) => !ended).map(({ taskId, pid }) => [taskId, pid] as const);
    const { subscribed } = (await getJson(`${marathon}/health`)) as { subscribed: boolean };
    const state = (await getJson(`${master}/state`)) as StateJson;
    const connected = state.agents.every((one) => one.state === 'registered') && state.frameworks.every((one) => one.state === 'connected');
    const same = isDeepStrictEqual(Object.fromEntries(known), pids) && isDeepStrictEqual(await cluster.pids(), pids);
    return agent.registered && subscribed && connected && same ? true : undefined;
  });
  await healthy(Object.keys(pids).length);
}

test.serial('up brings up a cluster with the example app, which answers on both ports', async (t) => {
  t.timeout(4 * WITHIN_MS);
  await cluster.start();
  const { tasks, master } = cluster.summary;
  t.is(tasks.length, 2);
  t.deepEqual(new Set(tasks.map(({ state }) => state)), new Set(['running, healthy']));
  for (const { urls, taskId } of tasks) t.regex((await page(urls[0]!)) ?? '', new RegExp(`^Hello from ${taskId}`));
  t.regex(await cluster.command('status'), new RegExp(`^master +${master}`, 'm'));
  t.is((JSON.parse(await cluster.command('tasks', '--json')) as unknown[]).length, 2);
  t.regex(await cluster.command('logs', tasks[0]!.taskId.slice(0, 30)), /listening on http/);
});

test.serial('a second up on the same work dir is refused', async (t) => {
  await t.throwsAsync(cluster.command('up', '--work-dir', cluster.workDir), { message: /the work dir .* is in use by "proffer up" \(process \d+\)/ });
});

test.serial("killing a task's process: it is replaced, and the replacement is healthy", async (t) => {
  t.timeout(2 * WITHIN_MS);
  const before = await cluster.pids();
  const [victim, pid] = Object.entries(before)[0]!;
  process.kill(programOf(pid), 'SIGKILL');
  await eventually('the task is gone from what runs', async () => ((await cluster.pids())[victim] === undefined ? true : undefined));
  await healthy(2);
  const after = await cluster.pids();
  const { tasks } = await cluster.state();
  t.like(tasks.find(({ taskId }) => taskId === victim)?.status, { state: 'TASK_FAILED', exit: { signal: 'SIGKILL' } });
  t.deepEqual(Object.keys(after).filter((taskId) => before[taskId] !== undefined), Object.keys(before).filter((taskId) => taskId !== victim));
  for (const url of await addresses()) t.regex((await page(url)) ?? '', /^Hello from/);
});

test.serial('scaling to five', async (t) => {
  t.timeout(2 * WITHIN_MS);
  await cluster.command('app', 'scale', 'hello', '5');
  await healthy(5);
  const urls = await addresses();
  t.is(new Set(urls).size, 5);
  for (const url of urls) t.regex((await page(url)) ?? '', /^Hello from/);
});

for (const part of ['agent-1', 'master', 'marathon']) {
  test.serial(`kill -9 of ${part}: the app answers all the while, and the same tasks run on`, async (t) => {
    t.timeout(3 * WITHIN_MS);
    const pids = await cluster.pids();
    t.is(Object.keys(pids).length, 5);
    const { masterId } = await cluster.state();
    const watch = watchPage((await addresses())[0]!);
    const mark = cluster.parts()[part]!;
    process.kill(mark.pid, 'SIGKILL');
    await eventually('it was started again', async () => {
      const now = cluster.parts()[part];
      return now !== undefined && now.pid !== mark.pid && isRunning(now) ? true : undefined;
    });
    await settledWith(pids);
    const { answered, failed } = await watch.stop();
    t.is(failed, 0);
    t.true(answered > 0);
    t.deepEqual(await cluster.pids(), pids);
    t.is((await cluster.state()).masterId !== masterId, part === 'master');
  });
}

test.serial('after all of that the cluster still works: one instance is killed and replaced, two are taken away', async (t) => {
  t.timeout(3 * WITHIN_MS);
  const [victim] = Object.keys(await cluster.pids());
  await cluster.command('kill', victim!);
  await eventually('the task is gone from what runs', async () => ((await cluster.pids())[victim!] === undefined ? true : undefined));
  await healthy(5);
  await cluster.command('app', 'scale', 'hello', '3');
  await healthy(3);
  t.is(await eventually('three tasks run', async () => (Object.keys(await cluster.pids()).length === 3 ? 3 : undefined)), 3);
});

test.serial('kill -9 of up itself: its parts end, the app answers on, and the next up finds it', async (t) => {
  t.timeout(4 * WITHIN_MS);
  const pids = await cluster.pids();
  const watch = watchPage((await addresses())[0]!);
  const parts = Object.values(cluster.parts());
  t.is(parts.length, 3);
  t.is(await cluster.end('SIGKILL'), 'SIGKILL');
  await eventually('its parts have ended', async () => (parts.some(isRunning) ? undefined : true));
  await cluster.start();
  await settledWith(pids);
  t.is((await watch.stop()).failed, 0);
  t.deepEqual(await cluster.pids(), pids);
});

test.serial('Ctrl-C ends everything and leaves nothing; the next up runs the same app again', async (t) => {
  t.timeout(4 * WITHIN_MS);
  const containers = await cluster.containers();
  t.is(containers.length, 3);
  const running = cluster.leftOver(containers);
  t.true(running.processes.length >= 4 + containers.length, 'what looks for processes that are left finds those that run');
  t.is(await cluster.end('SIGINT'), 0);
  t.deepEqual(cluster.leftOver(containers), NOTHING);
  await cluster.start();
  t.is(cluster.summary.tasks.length, 3);
  const next = await cluster.containers();
  t.is(await cluster.end('SIGTERM'), 0);
  t.deepEqual(cluster.leftOver([...containers, ...next]), NOTHING);
});
