import test from 'ava';
import { parseResources, type TaskInfo } from '../model/index.js';
import {
  AGENT_TASKS_MAX,
  calls,
  compileChecks,
  DATA_BYTES_MAX,
  DEMAND_ENTRIES_MAX,
  EXECUTOR_UPDATES_MAX,
  fromAgent,
  fromExecutor,
  fromTaskLaunch,
  LAUNCH_TASKS_MAX,
  NAME_LENGTH_MAX,
  OFFERS_MAX,
  packBody,
  PAIRS_MAX,
  RECONCILE_TASKS_MAX,
  TASK_BODY_BYTES_MAX,
  TEXT_LENGTH_MAX,
  toExecutor,
  toTaskLaunch,
  unpackBody,
} from './index.js';

const checkCall = compileChecks(calls);
const checkAgent = compileChecks(fromAgent);
const checkExecutor = compileChecks(fromExecutor);
const checkToExecutor = compileChecks(toExecutor);

const one = parseResources('cpus:1;mem:32');
const task: TaskInfo = {
  taskId: 'web.1',
  name: 'web',
  agentId: 'a1',
  resources: one,
  command: { shell: true, value: 'sleep 1' },
};
const launch = toTaskLaunch(task);
const demand = { name: 'web', resources: one, count: 3 };
const status = { taskId: 'web.1', state: 'TASK_RUNNING', source: 'SOURCE_AGENT', timestamp: 1 } as const;
const agentInfo = { hostname: 'h', httpAddress: 'h:5051', resources: one, attributes: [], version: '1' };
const accept = (taskInfos: unknown[]): { type: string } => ({
  type: 'ACCEPT',
  offerIds: ['o1'],
  operations: [{ type: 'LAUNCH', taskInfos }],
}) as never;
const times = <T>(count: number, value: T): T[] => Array.from({ length: count }, () => value);

const refused: readonly (readonly [what: string, check: typeof checkCall, message: object, error: RegExp])[] = [
  ['a type that is none', checkCall, { type: 'NOPE' }, /^type: expected one of SUBSCRIBE, .*, got "NOPE"$/],
  ['a missing field', checkCall, { type: 'KILL' }, /^KILL\.taskId: expected .*, got nothing$/],
  ['a field of another type', checkCall, { type: 'KILL', taskId: 5 }, /^KILL\.taskId: expected string, got 5$/],
  ['a field that there is not', checkCall, { type: 'TEARDOWN', now: true }, /^TEARDOWN\.now: unexpected property, got true$/],
  ['a task id that is no file name', checkCall, { type: 'KILL', taskId: 'a/b' }, /^KILL\.taskId: must hold no control character/],
  ['an empty list of offers', checkCall, { type: 'DECLINE', offerIds: [] }, /^DECLINE\.offerIds: .*, got a list of 0$/],
  [
    'a task deep inside',
    checkCall,
    accept([launch, { ...launch, resources: { ...one, cpus: -1 } }]),
    /^ACCEPT\.operations\[0\]\.taskInfos\[1\]\.resources\.cpus: .*, got -1$/,
  ],
  [
    'ports out of order',
    checkCall,
    accept([{ ...launch, resources: { ...one, ports: [5, 6, 1, 2] } }]),
    /^ACCEPT\.operations\[0\]\.taskInfos\[0\]\.resources: ports must be sorted/,
  ],
  [
    'an executor id that is no file name',
    checkCall,
    accept([{ ...launch, executor: { executorId: '..', resources: one } }]),
    /taskInfos\[0\]\.executor\.executorId: must not be empty, "\." or "\.\."/,
  ],
  [
    'resources of a demand',
    checkCall,
    { type: 'DEMAND', demand: [{ ...demand, resources: { ...one, mem: 2e15 } }] },
    /^DEMAND\.demand\[0\]\.resources: mem must be a whole number/,
  ],
  [
    'a state that is none',
    checkAgent,
    { type: 'UPDATE', frameworkId: 'f', status: { ...status, state: 'TASK_DANCING' }, latestState: 'TASK_RUNNING' },
    /^UPDATE\.status\.state: .*, got "TASK_DANCING"$/,
  ],
  [
    'resources of an agent',
    checkAgent,
    {
      type: 'REGISTER_AGENT',
      agentId: 'a',
      agentInfo: { ...agentInfo, resources: { ...one, ports: [3, 1] } },
      tasks: [],
      executors: [],
    },
    /^REGISTER_AGENT\.agentInfo\.resources: ports/,
  ],
  ['no object at all', checkCall, ['KILL'], /^type: expected one of/],
];

for (const [what, check, message, error] of refused) {
  test(`a message is refused with the field, what was expected and what came: ${what}`, (t) => {
    t.regex(check(message as never) ?? 'accepted', error);
  });
}

/** Each bound of `limits.ts` that a schema keeps: what it bounds, with so many of it. */
const bounds: readonly (readonly [name: string, limit: number, check: (count: number) => string | undefined])[] = [
  ['LAUNCH_TASKS_MAX', LAUNCH_TASKS_MAX, (n) => checkCall(accept(times(n, launch)))],
  ['OFFERS_MAX', OFFERS_MAX, (n) => checkCall({ type: 'DECLINE', offerIds: times(n, 'o') } as never)],
  [
    'RECONCILE_TASKS_MAX',
    RECONCILE_TASKS_MAX,
    (n) => checkCall({ type: 'RECONCILE', tasks: times(n, { taskId: 't' }) } as never),
  ],
  ['DEMAND_ENTRIES_MAX', DEMAND_ENTRIES_MAX, (n) => checkCall({ type: 'DEMAND', demand: times(n, demand) } as never)],
  [
    'DATA_BYTES_MAX',
    DATA_BYTES_MAX,
    (n) => checkCall({ type: 'MESSAGE', agentId: 'a', executorId: 'e', data: new Uint8Array(n) } as never),
  ],
  ['TASK_BODY_BYTES_MAX', TASK_BODY_BYTES_MAX, (n) => checkCall(accept([{ ...launch, body: new Uint8Array(n) }]))],
  ['NAME_LENGTH_MAX', NAME_LENGTH_MAX, (n) => checkCall(accept([{ ...launch, name: 'x'.repeat(n) }]))],
  ['PAIRS_MAX', PAIRS_MAX, (n) => checkCall(accept([{ ...launch, labels: times(n, ['k', 'v']) }]))],
  [
    'AGENT_TASKS_MAX',
    AGENT_TASKS_MAX,
    (n) => checkAgent(
      {
        type: 'REGISTER_AGENT',
        agentId: 'a',
        agentInfo,
        tasks: [],
        executors: times(n, { frameworkId: 'f', executorId: 'e', role: '*', resources: one }),
      } as never,
    ),
  ],
  [
    'EXECUTOR_UPDATES_MAX',
    EXECUTOR_UPDATES_MAX,
    (n) => checkExecutor(
      { type: 'SUBSCRIBE', frameworkId: 'f', executorId: 'e', token: 't', unacknowledgedUpdates: times(n, status) } as never,
    ),
  ],
  ['TEXT_LENGTH_MAX', TEXT_LENGTH_MAX, (n) => checkToExecutor({ type: 'ERROR', code: 'X', message: 'x'.repeat(n) } as never)],
];

for (const [name, limit, check] of bounds) {
  test(`${name} holds at ${limit} and not at ${limit + 1}`, (t) => {
    t.is(check(limit), undefined);
    t.regex(check(limit + 1) ?? 'accepted', /expected|must/);
  });
}

test('a task goes to its agent and comes back as it was', (t) => {
  const full: TaskInfo = {
    ...task,
    labels: [['k', 'v']],
    limits: { cpus: 2000, mem: 'unlimited' },
    container: { hostname: 'h', pidsLimit: 10 },
    healthCheck: { type: 'HTTP', http: { port: 80, path: '/' }, intervalSeconds: 1.5 },
    killPolicy: { gracePeriodSeconds: 1 },
    discovery: { ports: [{ number: 80, labels: [['a', 'b']] }] },
    onUnreachable: { stopAfterSeconds: 60 },
    data: Uint8Array.from([1, 2, 3]),
  };
  t.deepEqual(fromTaskLaunch(toTaskLaunch(full)), full);
  t.is(toTaskLaunch(full, 'web').demand, 'web');
  const withExecutor: TaskInfo = {
    taskId: 'x.1',
    name: 'x',
    agentId: 'a',
    resources: one,
    executor: { executorId: 'e', command: { shell: true, value: 'run' }, resources: one },
  };
  t.deepEqual(toTaskLaunch(withExecutor).executor, { executorId: 'e', resources: one });
  t.deepEqual(fromTaskLaunch(toTaskLaunch(withExecutor)), withExecutor);
});

test('a task that no agent would take is refused where it is made', (t) => {
  const { command: _, ...without } = task;
  t.throws(() => toTaskLaunch(without), { instanceOf: RangeError, message: /exactly one of command and executor/ });
  t.throws(() => toTaskLaunch({ ...task, taskId: 'a/b' }), { instanceOf: RangeError, message: /^task\.taskId: must hold no/ });
  t.throws(
    () => toTaskLaunch({ ...task, killPolicy: { gracePeriodSeconds: -1 } }),
    { message: /^body\.killPolicy\.gracePeriodSeconds: expected .*, got -1$/ },
  );
  t.throws(() => toTaskLaunch({ ...task, limits: { mem: 0 } }), { message: /^body\.limits\.mem: expected positive/ });
});

test('a body has its limit, and one that cannot be read is said to be wrong', (t) => {
  const body = (length: number) => ({ command: { shell: true, value: 'x'.repeat(length) } });
  const overhead = packBody(body(100_000)).length - 100_000;
  t.is(packBody(body(TASK_BODY_BYTES_MAX - overhead)).length, TASK_BODY_BYTES_MAX);
  t.throws(() => packBody(body(TASK_BODY_BYTES_MAX - overhead + 1)), { instanceOf: RangeError, message: /at most 524288 bytes/ });
  t.regex(unpackBody(Uint8Array.from([0x91])) as string, /^body: /);
  t.regex(unpackBody(Uint8Array.from([0x80])) as string, /exactly one of command and executor/);
  t.regex(unpackBody(Uint8Array.from([0x01])) as string, /^body: expected object, got 1$/);
});
