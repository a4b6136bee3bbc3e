import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseResources, type Offer } from '@proffer/sdk/model';
import {
  packBody,
  type AgentToExecutor,
  type ExecutorToAgent,
  type SchedulerCall,
  type SchedulerEvent,
  type TaskLaunch,
} from '@proffer/sdk/protocol';
import { MemoryNetwork, systemClock, zmqAcceptor } from '@proffer/sdk/transport';
import test from 'ava';
import { startExecutor } from './executor.js';
import { packJob, unpackAnswer } from './jobs.js';
import { runJobs } from './main.js';

const environment = { socket: '/unused', token: 'secret', frameworkId: 'f', executorId: 'primes', agentId: 'a' };
const one = parseResources('cpus:1');

test('the executor runs jobs, answers, fails what is no job, and ends what is killed', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'proffer-'));
  t.teardown(() => rm(directory, { recursive: true }));
  const ended = new Map<string, string>();
  let done = (): void => {};
  const allEnded = new Promise<void>((resolve) => {
    done = resolve;
  });
  const task = (taskId: string, data: Uint8Array): AgentToExecutor => {
    const executor = { executorId: 'primes', command: { shell: true, value: 'x' }, resources: one };
    return { type: 'LAUNCH', task: { taskId, name: taskId, agentId: 'a', resources: one, body: packBody({ executor, data }) } };
  };
  const onMessage = (peer: string, message: ExecutorToAgent): void => {
    if (message.type === 'SUBSCRIBE') {
      t.is(message.token, 'secret');
      acceptor.send(peer, { type: 'SUBSCRIBED', agentId: 'a', frameworkId: 'f', executorId: 'primes' });
      acceptor.send(peer, task('good', packJob({ below: 100 })));
      acceptor.send(peer, task('bad', Uint8Array.from([0x7b])));
      acceptor.send(peer, task('long', packJob({ below: 1e9 })));
    } else if (message.type === 'UPDATE') {
      const { taskId, state, uuid, data } = message.status;
      acceptor.send(peer, { type: 'ACKNOWLEDGED', taskId, uuid: uuid! });
      if (taskId === 'long' && state === 'TASK_RUNNING') acceptor.send(peer, { type: 'KILL', taskId });
      if (state !== 'TASK_RUNNING') ended.set(taskId, state === 'TASK_FINISHED' ? `${state} ${unpackAnswer(data)}` : state);
      if (ended.size === 3) done();
    }
  };
  const acceptor = await zmqAcceptor(
    { bind: `ipc://${directory}/socket`, kinds: ['executor'] },
    { onMessages: (peer, messages) => messages.forEach((message) => onMessage(peer, message)), onClosed: () => {} },
  );
  t.teardown(() => acceptor.close());
  const driver = startExecutor({ environment: { ...environment, socket: `${directory}/socket` } });
  t.teardown(() => driver.stop());
  await allEnded;
  t.deepEqual(Object.fromEntries(ended), { bad: 'TASK_FAILED', good: 'TASK_FINISHED 25', long: 'TASK_KILLED' });
});

/** A master with one agent, which runs every job at once and answers 7. */
function answerSeven(call: SchedulerCall): SchedulerEvent[] {
  const status = (taskId: string) => ({ taskId, agentId: 'a', source: 'SOURCE_EXECUTOR', timestamp: 0 }) as const;
  if (call.type === 'SUBSCRIBE') {
    return [{ type: 'SUBSCRIBED', frameworkId: 'f', heartbeatIntervalSeconds: 5, masterInfo: { masterId: 'm', version: '1' } }];
  }
  if (call.type === 'RECONCILE') {
    return call.tasks.map(({ taskId }) => ({ type: 'UPDATE', status: { ...status(taskId), state: 'TASK_UNKNOWN' } }));
  }
  if (call.type === 'DEMAND' && call.demand.length > 0) {
    const demand = call.demand.map(({ name, count }) => ({ name, count }));
    const offer: Offer = {
      offerId: 'o',
      frameworkId: 'f',
      agentId: 'a',
      hostname: 'h',
      role: '*',
      resources: parseResources('cpus:2;mem:1024'),
      attributes: [],
      demand,
    };
    return [{ type: 'OFFERS', offers: [offer] }];
  }
  if (call.type !== 'ACCEPT') return [];
  const data = Uint8Array.from([0x37]);
  return call.operations.flatMap(({ taskInfos }) =>
    taskInfos.map(
      (task: TaskLaunch): SchedulerEvent => ({
        type: 'UPDATE',
        status: { ...status(task.taskId), state: 'TASK_FINISHED', uuid: task.taskId, data },
      }),
    ),
  );
}

test('the framework runs its jobs on one executor and ends', async (t) => {
  const network = new MemoryNetwork({ clock: systemClock });
  const calls: SchedulerCall[] = [];
  let hearTeardown = (): void => {};
  const tornDown = new Promise<void>((resolve) => {
    hearTeardown = resolve;
  });
  const acceptor = network.acceptor('master', ['framework'])({
    onMessages: (peer, messages) => {
      for (const call of messages) {
        calls.push(call);
        if (call.type === 'TEARDOWN') hearTeardown();
        for (const event of answerSeven(call)) acceptor.send(peer, event);
      }
    },
    onClosed: () => {},
  });
  t.teardown(() => acceptor.close());
  // Timers of the machine's clock do not keep a process alive; this one does, for the test.
  const alive = setInterval(() => {}, 1000);
  t.teardown(() => clearInterval(alive));
  t.deepEqual(await runJobs({ master: network.opener('f', 'master', 'framework'), jobs: 5, say: () => {} }), [7, 7, 7, 7, 7]);
  const launched = calls.flatMap((call) => (call.type === 'ACCEPT' ? call.operations.flatMap(({ taskInfos }) => taskInfos) : []));
  t.deepEqual([...new Set(launched.map((task) => task.executor?.executorId))], ['primes']);
  await tornDown;
  t.is(calls.at(-1)?.type, 'TEARDOWN');
});
