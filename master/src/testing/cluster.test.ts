import { parseResources, Scheduler, SchedulerDriver, type Launch, type Offer, type TaskStatus } from '@proffer/sdk';
import test from 'ava';
import { createCluster, type TestCluster } from './index.js';

/** A scheduler of 20 lines on the driver: launches one task per offered place, acknowledges, remembers what it was told. */
function simple(cluster: TestCluster, count: number, more: Partial<Launch> = {}): {
  driver: SchedulerDriver; told: string[]; statuses: TaskStatus[],
} {
  const told: string[] = [];
  const statuses: TaskStatus[] = [];
  let launched = 0;
  const demand = [{ name: 'web', count, resources: parseResources('cpus:1;mem:100') }];
  const driver = new SchedulerDriver(
    { link: cluster.connect, clock: cluster.clock, frameworkInfo: { name: 'simple' }, demand },
    {
      offers: (offers) => {
        for (const offer of offers) driver.accept([offer.offerId], launches(offer));
        driver.demand([{ ...demand[0]!, count: count - launched }]);
      },
      update: (status) => {
        statuses.push(status);
        told.push(`${status.taskId} ${status.state}`);
        driver.acknowledge(status);
      },
      failure: ({ agentId }) => told.push(`failure of ${agentId}`),
      rescind: (offerId) => told.push(`rescind ${offerId}`),
      rejected: (received) => told.push(`rejected ${received}`),
    },
  );
  const launches = ({ agentId, demand: entries }: Offer): Launch[] =>
    Array.from({ length: entries[0]!.count }, () => ({
      taskId: `t${++launched}`, name: 'web', agentId, demand: 'web',
      resources: parseResources('cpus:1;mem:100'), command: { shell: true, value: 'sleep 1000' }, ...more,
    }));
  driver.start();
  return { driver, told, statuses };
}

const TWO = {
  agents: [
    { resources: 'cpus:4;mem:1024', hostname: 'a', attributes: 'rack:r1' },
    { resources: 'cpus:4;mem:1024', hostname: 'b' },
  ],
};

test('it starts in less than 50 ms', (t) => {
  createCluster(TWO);
  const began = performance.now();
  const cluster = createCluster({ agents: Array.from({ length: 10 }, () => ({ resources: 'cpus:4;mem:1024' })) });
  t.true(performance.now() - began < 50);
  t.deepEqual(cluster.view().agents.map(({ state }) => state), Array<string>(10).fill('registered'));
});

test('tasks run until they are told to end', async (t) => {
  const cluster = createCluster(TWO);
  const { driver, told } = simple(cluster, 2);
  await cluster.settle();
  t.deepEqual(
    cluster.tasks().map(({ taskId, agentId, state }) => [taskId, agentId, state]),
    [['t1', 'a', 'TASK_RUNNING'], ['t2', 'b', 'TASK_RUNNING']],
  );
  t.deepEqual(cluster.agent('a').task('t1').info.command, { shell: true, value: 'sleep 1000' });
  cluster.agentOf('t1').fail('t1', { message: 'out of cheese' });
  driver.kill('t2');
  await cluster.settle();
  t.deepEqual(told, ['t1 TASK_RUNNING', 't2 TASK_RUNNING', 't1 TASK_FAILED', 't2 TASK_KILLED']);
  t.deepEqual(cluster.tasks(), []);
  t.throws(() => cluster.agent('a').finish('t1'), { message: /has no task "t1"/ });
  t.throws(() => cluster.agent('c'), { message: 'there is no agent "c"; there are: a, b' });
});

test('behaviour by script: slow starts, jobs that end, slow kills', async (t) => {
  const cluster = createCluster({ ...TWO, behaviour: () => ({ startMs: 2_000, runMs: 3_000 }) });
  const { told } = simple(cluster, 1);
  await cluster.advance(1_999);
  t.deepEqual(cluster.tasks().map(({ state }) => state), ['TASK_STAGING']);
  await cluster.advance(1);
  t.deepEqual(told, ['t1 TASK_RUNNING']);
  await cluster.advance(3_000);
  t.deepEqual(told, ['t1 TASK_RUNNING', 't1 TASK_FINISHED']);
});

test('an update that is not acknowledged comes again', async (t) => {
  const cluster = createCluster(TWO);
  const seen: (string | undefined)[] = [];
  const driver = new SchedulerDriver(
    {
      link: cluster.connect,
      clock: cluster.clock,
      frameworkInfo: { name: 'silent' },
      demand: [{ name: 'x', count: 1, resources: parseResources('cpus:1') }],
    },
    {
      offers: ([offer]) => driver.accept(
        [offer!.offerId],
        [
          {
            taskId: 't',
            name: 't',
            agentId: offer!.agentId,
            demand: 'x',
            resources: parseResources('cpus:1'),
            command: { shell: true, value: '' },
          },
        ],
      ),
      update: ({ uuid }) => seen.push(uuid),
    },
  );
  driver.start();
  await cluster.advance(35_000);
  t.is(seen.length, 3, 'at once, after 10 s and after 30 s');
  t.is(new Set(seen).size, 1);
});

test('an agent that crashes is missed after 15 s; started again, it brings its tasks', async (t) => {
  const cluster = createCluster(TWO);
  const { told } = simple(cluster, 2);
  await cluster.settle();
  cluster.agent('b').crash();
  await cluster.advance(25_000);
  t.deepEqual(told.slice(2), ['t2 TASK_UNREACHABLE', 'failure of b']);
  cluster.agent('b').restart();
  await cluster.settle();
  t.deepEqual(told.slice(4), ['t2 TASK_RUNNING']);
  t.is(cluster.view().agents.find(({ agentId }) => agentId === 'b')?.used.cpus, 1_000);
});

test('a short cut of the network loses nothing', async (t) => {
  const cluster = createCluster(TWO);
  const { told } = simple(cluster, 2);
  await cluster.settle();
  cluster.agent('a').disconnect();
  cluster.agent('a').finish('t1');
  await cluster.advance(8_000);
  cluster.agent('a').reconnect();
  await cluster.until(() => told.includes('t1 TASK_FINISHED'), 30_000);
  t.deepEqual(told, ['t1 TASK_RUNNING', 't2 TASK_RUNNING', 't1 TASK_FINISHED']);
});

test('a machine that starts again has lost its tasks, and says so', async (t) => {
  const cluster = createCluster(TWO);
  const { told, statuses } = simple(cluster, 1);
  await cluster.settle();
  cluster.agentOf('t1').reboot();
  await cluster.advance(10_000);
  t.deepEqual(told, ['t1 TASK_RUNNING', 't1 TASK_LOST']);
  t.is(statuses[1]?.reason, 'REASON_AGENT_RESTARTED');
});

test('a new master knows the tasks as soon as their agents are back, and no task notices', async (t) => {
  const cluster = createCluster(TWO);
  const { driver, told } = simple(cluster, 2);
  await cluster.settle();
  const id = driver.frameworkId;
  await cluster.restartMaster();
  await cluster.advance(10_000);
  t.is(driver.frameworkId, id);
  t.true(driver.connected);
  t.deepEqual(cluster.tasks().map(({ taskId, state }) => [taskId, state]), [['t1', 'TASK_RUNNING'], ['t2', 'TASK_RUNNING']]);
  t.deepEqual(told, ['t1 TASK_RUNNING', 't2 TASK_RUNNING']);
});

test('executors: messages both ways, and their own needs', async (t) => {
  const cluster = createCluster(TWO);
  const executor = { executorId: 'e', command: { shell: true, value: './executor' }, resources: parseResources('cpus:0') };
  const { driver, told } = simple(cluster, 1, { command: undefined as never, executor });
  await cluster.settle();
  t.deepEqual(told, ['t1 TASK_RUNNING']);
  driver.message('a', 'e', new Uint8Array([1, 2]));
  await cluster.settle();
  t.deepEqual(cluster.agent('a').messages.map(({ executorId, data }) => [executorId, [...data]]), [['e', [1, 2]]]);
  driver.shutdown('a', 'e');
  await cluster.settle();
  t.deepEqual(told, ['t1 TASK_RUNNING', 't1 TASK_KILLED', 'failure of a'], 'FAILURE names an executor that ended');
});

test('an operator may end things', async (t) => {
  const cluster = createCluster(TWO);
  const { told, driver } = simple(cluster, 1);
  await cluster.settle();
  cluster.operate({ type: 'killTask', frameworkId: driver.frameworkId!, taskId: 't1' });
  await cluster.settle();
  t.deepEqual(told, ['t1 TASK_RUNNING', 't1 TASK_KILLED']);
  t.throws(() => cluster.operate({ type: 'markAgentGone', agentId: 'z' }), { name: 'OperatorError' });
});

test('the ready-made Scheduler keeps its tasks running here', async (t) => {
  const cluster = createCluster(TWO);
  const scheduler = new Scheduler({ master: cluster.connect, clock: cluster.clock, framework: { name: 'hello' } });
  scheduler.want({ name: 'web', count: 3, resources: 'cpus:1;mem:100', command: 'sleep 1000' }).start();
  await cluster.settle();
  t.is(cluster.tasks().length, 3);
  const { taskId } = cluster.tasks()[0]!;
  cluster.agentOf(taskId).fail(taskId);
  await cluster.advance(10_000);
  t.deepEqual(cluster.tasks().map(({ state }) => state), ['TASK_RUNNING', 'TASK_RUNNING', 'TASK_RUNNING']);
});
