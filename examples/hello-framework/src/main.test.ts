import { createCluster, type TestCluster } from '@proffer/master/testing';
import test from 'ava';
import { hello } from './main.js';

function start(cluster: TestCluster, count: number, lines: string[] = []) {
  return hello({ master: cluster.connect, clock: cluster.clock, count, command: 'sleep 1000', say: (line) => lines.push(line) });
}

function running(cluster: TestCluster): string[] {
  return cluster.tasks().filter((task) => task.state === 'TASK_RUNNING').map((task) => task.taskId);
}

test('keeps its copies running, replaces one that fails, and ends them all', async (t) => {
  const cluster = createCluster({ agents: [{ resources: 'cpus:4;mem:1024' }, { resources: 'cpus:4;mem:1024' }] });
  const lines: string[] = [];
  const scheduler = start(cluster, 3, lines);
  await cluster.until(() => running(cluster).length === 3);
  t.is(lines.filter((line) => line.includes('launched on')).length, 3);
  t.regex(lines[0]!, /^subscribed as /);

  const [victim] = running(cluster);
  cluster.agentOf(victim!).fail(victim!);
  await cluster.settle();
  t.is(running(cluster).length, 2, 'a replacement waits a moment, so that a broken command does not spin');
  await cluster.until(() => running(cluster).length === 3);
  t.false(running(cluster).includes(victim!));

  await scheduler.teardown();
  await cluster.until(() => cluster.agents.every((agent) => agent.tasks.every((task) => task.ended)));
});

test('a second run takes the tasks over and launches none', async (t) => {
  const cluster = createCluster({ agents: [{ resources: 'cpus:4;mem:1024' }] });
  const first = start(cluster, 3);
  await cluster.until(() => running(cluster).length === 3);
  const before = running(cluster).sort();
  await first.stop();
  await cluster.advance(60_000);
  t.deepEqual(running(cluster).sort(), before, 'the tasks run on without their scheduler');

  const lines: string[] = [];
  const second = start(cluster, 4, lines);
  await cluster.until(() => running(cluster).length === 4);
  t.is(lines.filter((line) => line.includes('launched on')).length, 1, 'only the one that is new');
  t.deepEqual(running(cluster).filter((id) => before.includes(id)).sort(), before);
  await second.stop();
});

test('an agent that dies is replaced, and what comes back too much is ended', async (t) => {
  const cluster = createCluster({
    agents: [
      { resources: 'cpus:0.2;mem:64', hostname: 'a' },
      { resources: 'cpus:0.2;mem:64', hostname: 'b' },
      { resources: 'cpus:0.2;mem:64', hostname: 'c' },
    ],
  });
  const scheduler = start(cluster, 4);
  await cluster.until(() => running(cluster).length === 4);
  const lost = cluster.agents.find((agent) => agent.tasks.length > 0)!;
  lost.disconnect();
  await cluster.until(
    () => cluster.agents.filter((agent) => agent !== lost).flatMap((agent) => agent.tasks).length === 4,
    120_000,
  );
  lost.reconnect();
  await cluster.advance(30_000);
  t.is(running(cluster).length, 4);
  t.is(lost.tasks.length, 2, 'those that came back are the older ones: their replacements ended');
  t.is(scheduler.tasks.length, 4);

  await cluster.restartMaster();
  await cluster.advance(60_000);
  t.is(running(cluster).length, 4, 'a change of master changes nothing');
  await scheduler.stop();
});
