import test from 'ava';
import { spawn } from 'node:child_process';
import { checkBind, createLogger, EventLog, Metrics } from './index.js';
import { readableLine } from './readable-line.js';

test('loopback needs no word, anything wider needs --insecure', (t) => {
  const local = [
    '127.0.0.1',
    '127.9.9.9:80',
    'localhost',
    'localhost:5050',
    '::1',
    '[::1]:5050',
    'tcp://127.0.0.1:5060',
    'ipc:///tmp/x',
    '/run/x.sock',
  ];
  for (const address of local) t.notThrows(() => checkBind(address, false), address);
  for (const address of [
    '0.0.0.0',
    '0.0.0.0:5050',
    '::',
    '[::]:80',
    '10.0.0.1',
    'tcp://*:5060',
    'example.org:80',
    '',
    '1270.0.0.1',
    'localhost.example.org',
  ]) {
    t.throws(() => checkBind(address, false), { instanceOf: RangeError, message: /--insecure/ }, address);
    t.notThrows(() => checkBind(address, true), address);
  }
});

test('an event log replays what it holds and says what it does not', (t) => {
  const log = new EventLog<string>({ capacity: 3, firstId: 100 });
  t.deepEqual(log.since(99), { events: [] });
  const heard: number[] = [];
  const stop = log.subscribe(({ id }) => heard.push(id));
  for (const event of ['a', 'b', 'c', 'd']) log.append(event);
  stop();
  log.append('e');
  t.deepEqual(heard, [100, 101, 102, 103]);
  t.is(log.firstId, 102);
  t.is(log.lastId, 104);
  t.deepEqual(log.since(103), { events: [{ id: 104, event: 'e' }] });
  t.deepEqual(log.since(104), { events: [] });
  t.deepEqual(log.since(101).gap, undefined);
  t.deepEqual(
    log.since(101).events.map(({ event }) => event),
    ['c', 'd', 'e'],
  );
  t.deepEqual(log.since(100).gap, { after: 100, before: 102 });
  t.deepEqual(
    log.since(100).events.map(({ id }) => id),
    [102, 103, 104],
  );
  t.deepEqual(log.since(9000).gap, { after: 9000, before: 102 }, 'an id of another life');
});

test('a log line is JSON, or readable, and never holds a secret', (t) => {
  const lines: string[] = [];
  const destination = { write: (line: string) => void lines.push(line) };
  const secrets = { token: 's3', headers: { authorization: 's3' }, task: { command: { environment: [['K', 's3']] } } };
  createLogger({ name: 'agent', destination }).info({ taskId: 't1', ...secrets }, 'launched');
  const entry = JSON.parse(lines[0]!) as Record<string, unknown>;
  t.like(entry, { name: 'agent', msg: 'launched', taskId: 't1', level: 30 });
  createLogger({ name: 'agent', destination, readable: true }).warn(
    { taskId: 't1', ports: [1], err: new Error('lost') },
    'failed',
  );
  t.regex(lines[1]!, /^\d\d:\d\d:\d\d\.\d{3} WARN {2}agent: failed taskId=t1 ports=\[1\]\n {2}Error: lost\n {6}at /);
  t.notRegex(lines.join(''), /s3/);
  t.is(readableLine('not json\n'), 'not json\n');
  const quiet = createLogger({ name: 'agent', destination, level: 'error' });
  quiet.warn('unheard');
  t.is(lines.length, 2);
});

test('metrics are counted, set, or read when somebody asks', async (t) => {
  const metrics = new Metrics({ processMetrics: false });
  metrics.counter('calls_total', 'Calls', ['type']).inc({ type: 'ACCEPT' }, 2);
  metrics.gauge('leader', 'Leader').set(1);
  metrics.histogram('seconds', 'Time', [0.1, 1]).observe(0.5);
  let agents: { labels: Record<string, string>; value: number }[] = [{ labels: { state: 'gone' }, value: 9 }];
  metrics.reading('agents', 'Agents', ['state'], () => agents);
  metrics.reading('tasks', 'Tasks', [], () => 4);
  await metrics.text();
  agents = [{ labels: { state: 'up' }, value: 2 }];
  const text = await metrics.text();
  for (const line of [
    'calls_total{type="ACCEPT"} 2',
    'leader 1',
    'seconds_bucket{le="1"} 1',
    'agents{state="up"} 2',
    'tasks 4',
  ]) {
    t.true(text.includes(line), line);
  }
  t.false(text.includes('gone'), 'what is not there any more is not shown');
  t.regex(await new Metrics().text(), /process_cpu_seconds_total/);
});

/** Runs `runService` around this program in a process of its own; resolves to how it ended and what it logged. */
function service(program: string, signals: readonly NodeJS.Signals[] = []) {
  const index = new URL('index.js', import.meta.url).href;
  const source = `import { createLogger, runService } from ${JSON.stringify(index)};
    const log = createLogger({ name: 'service' });
    setInterval(() => undefined, 1000);
    await runService(async () => { ${program} }, { log, stopDeadlineMs: 100 });
    console.log('ready');`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', source], { stdio: ['ignore', 'pipe', 'pipe'] });
  let logged = '';
  child.stderr.on('data', (chunk: Buffer) => {
    logged += chunk.toString();
    if (signals.length > 1 && logged.includes('"stopping"')) child.kill(signals[1]);
  });
  child.stdout.once('data', () => signals[0] !== undefined && child.kill(signals[0]));
  return new Promise<{ code: number | null; logged: string }>((resolve) =>
    child.on('close', (code) => resolve({ code, logged })),
  );
}

test('a service stops at a signal, and says why when it ends otherwise', async (t) => {
  const [good, slow, twice, thrown, start] = await Promise.all([
    service('return { close: async () => { log.info("closed by hand"); } };', ['SIGTERM']),
    service('return { close: () => new Promise(() => undefined) };', ['SIGINT']),
    service('return { close: () => new Promise(() => undefined) };', ['SIGINT', 'SIGTERM']),
    service('setTimeout(() => { throw new Error("later"); }, 1); return { close: async () => undefined };'),
    service('throw new Error("port taken");'),
  ]);
  t.is(good.code, 0, good.logged);
  t.regex(good.logged, /closed by hand[^]*stopped/);
  t.is(slow.code, 1);
  t.regex(slow.logged, /not stopped after 100 ms/);
  t.is(twice.code, 1);
  t.regex(twice.logged, /second signal|not stopped/);
  t.is(thrown.code, 1);
  t.regex(thrown.logged, /later/);
  t.is(start.code, 1);
  t.regex(start.logged, /port taken/);
});
