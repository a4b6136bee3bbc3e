import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { countRanges, overlaps, parseResources } from '@proffer/sdk/model';
import test, { type ExecutionContext } from 'ava';
import { Child } from './child.js';
import { withNode } from './example.js';
import { lastLines, LOG_BYTES_MAX, rotateLog } from './log-file.js';
import { isExecutableByAll } from './node-binary.js';
import { choosePorts } from './ports.js';
import { isRunning, markProcess } from './processes.js';
import { resourcesFlag, shareMachine } from './share-machine.js';
import { summarize, summaryText } from './summary.js';
import { waitUntil } from './wait-until.js';
import { defaultWorkDir, WorkDir } from './work-dir.js';

const WITHIN_MS = 20_000;

function directory(t: ExecutionContext): string {
  const path = mkdtempSync(join(tmpdir(), 'proffer-up-'));
  t.teardown(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** A part that runs this script, and what is told of it. */
function part(t: ExecutionContext, script: string): { readonly child: Child; readonly told: string[] } {
  const told: string[] = [];
  const child = new Child({
    name: 'part',
    args: ['-e', script],
    logFile: join(directory(t), 'part.log'),
    onStarted: (one) => void told.push(`started ${one.mark!.pid}`),
    onEnded: (_one, how, restartInMs) => void told.push(`${how}, again in ${restartInMs} ms`),
  });
  t.teardown(() => child.stop('SIGKILL', WITHIN_MS));
  return { child, told };
}

test('a part that dies is started again, later and later; one that is stopped is not', async (t) => {
  const { child, told } = part(t, 'console.log("once more"); setInterval(() => {}, 1000)');
  child.start();
  const first = child.mark!;
  process.kill(first.pid, 'SIGKILL');
  await waitUntil(() => (told.length === 3 ? true : undefined), WITHIN_MS);
  t.is(told[1], 'was ended by SIGKILL, again in 200 ms');
  t.false(isRunning(first));
  const second = child.mark!;
  t.true(isRunning(second));
  process.kill(second.pid, 'SIGKILL');
  await waitUntil(() => (told.length === 5 ? true : undefined), WITHIN_MS);
  t.is(told[3], 'was ended by SIGKILL, again in 400 ms');
  await child.stop('SIGTERM', WITHIN_MS);
  t.false(child.running);
  t.is(told.length, 5);
});

test('a part that ignores what it is told is killed in the end, and its last words are at hand', async (t) => {
  const { child } = part(t, 'process.on("SIGUSR1", () => {}); process.on("SIGTERM", () => process.exit(3)); console.log("one"); console.log("two"); setInterval(() => {}, 1000)');
  child.start();
  const mark = child.mark!;
  await waitUntil(() => (child.lastLines(5).length === 2 ? true : undefined), WITHIN_MS);
  t.deepEqual(child.lastLines(1), ['two']);
  await child.stop('SIGUSR1', 50);
  t.false(isRunning(mark));
});

test('a part ends when its standard input does: nobody has to tell it', async (t) => {
  const { child, told } = part(t, 'process.stdin.on("end", () => process.exit(0)).resume()');
  child.start();
  t.is((told[0] ?? '').slice(0, 8), 'started ');
  const script = `
    const { spawn } = require('node:child_process');
    const child = spawn(process.execPath, ['-e', 'process.stdin.on("end", () => process.exit(0)).resume()'], { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
    console.log(child.pid);`;
  const { child: parent } = part(t, script);
  parent.start();
  const line = await waitUntil(() => parent.lastLines(1)[0], WITHIN_MS);
  const mark = markProcess(Number(line));
  process.kill(parent.mark!.pid, 'SIGKILL');
  t.true(await waitUntil(() => (mark === undefined || !isRunning(mark) ? true : undefined), WITHIN_MS));
});

test('a work dir belongs to one; the next one waits for what the one before left', async (t) => {
  const path = directory(t);
  const first = await WorkDir.take(path);
  await t.throwsAsync(WorkDir.take(path), { message: `the work dir ${path} is in use by "proffer up" (process ${process.pid})` });
  const { child } = part(t, 'setTimeout(() => {}, 300)');
  child.start();
  const mark = child.mark!;
  first.release();
  // As an up leaves it that was killed.
  writeFileSync(join(path, 'up.json'), JSON.stringify({ up: 1, parts: { 'agent-1': mark } }));
  const second = await WorkDir.take(path);
  t.false(isRunning(mark));
  t.deepEqual(JSON.parse(readFileSync(join(path, 'up.json'), 'utf8')), { up: process.pid, parts: {} });
  second.note('agent-1', mark);
  second.release();
  t.deepEqual(JSON.parse(readFileSync(join(path, 'up.json'), 'utf8')), { up: process.pid, parts: {} });
  writeFileSync(join(path, 'file'), '');
  await t.throwsAsync(WorkDir.take(join(path, 'file')), { message: /cannot be made/ });
  await t.throwsAsync(WorkDir.take('/proc/none/such'), { message: /the work dir \/proc\/none\/such cannot be made/ });
});

test('where state is kept by default', (t) => {
  t.is(defaultWorkDir({}, 0), '/var/lib/proffer');
  t.is(defaultWorkDir({ XDG_DATA_HOME: '/data' }, 1000), '/data/proffer');
  t.regex(defaultWorkDir({ XDG_DATA_HOME: 'relative' }, 1000), /\/\.local\/share\/proffer$/);
});

test('a port that is taken is named with its part and its flag; free ones are found, all different', async (t) => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  const { port } = server.address() as AddressInfo;
  const error = await t.throwsAsync(choosePorts('127.0.0.1', [{ name: 'master', port: 0, flag: '--master-port' }, { name: 'marathon', port, flag: '--marathon-port' }]), {
    message: `port ${port} of 127.0.0.1, for the marathon, is in use`,
  });
  t.regex((error as { hint?: string } | undefined)?.hint ?? '', /--marathon-port PORT/);
  const free = await choosePorts('127.0.0.1', [1, 2, 3].map((i) => ({ name: `agent-${i}`, port: 0, flag: '--agent-port' })));
  t.is(new Set(free).size, 3);
});

test('agents that share a machine offer it once', (t) => {
  const machine = parseResources('cpus:4;mem:1000;disk:100;ports:[31000-31009]');
  const shares = shareMachine(machine, 3);
  t.deepEqual(shares.map(({ cpus, mem, ports }) => [cpus, mem, countRanges(ports)]), [[1330, 333_000, 3], [1330, 333_000, 3], [1330, 333_000, 3]]);
  t.false(shares.some((a, i) => shares.some((b, j) => i !== j && overlaps(a, b))));
  t.is(resourcesFlag(shares[0]!), 'cpus:1.33;mem:333;disk:33;ports:[31000-31002]');
});

test('the example brings Node along where its user could not execute it', (t) => {
  const path = directory(t);
  writeFileSync(join(path, 'node'), '', { mode: 0o755 });
  t.false(isExecutableByAll(join(path, 'node')), 'a container has a /tmp of its own');
  t.true(isExecutableByAll('/bin/sh'));
  t.false(isExecutableByAll('/etc/passwd'));
  const app = { id: '/hello', env: { A: '1' }, fetch: [{ uri: 'file:///a' }] };
  t.deepEqual(withNode(app, '/usr/bin/node', true), { ...app, env: { A: '1', NODE: '/usr/bin/node' } });
  t.deepEqual(withNode(app, '/root/node', false)['fetch'], [{ uri: 'file:///a' }, { uri: 'file:///root/node', executable: true, extract: false, cache: true, destPath: 'node' }]);
});

test('logs stay bounded', (t) => {
  const log = join(directory(t), 'part.log');
  t.deepEqual(lastLines(log, 3), []);
  writeFileSync(log, 'a\nb\nc\n');
  rotateLog(log);
  t.deepEqual(lastLines(log, 2), ['b', 'c']);
  t.deepEqual(lastLines(log, 5, 4), ['c']);
  truncateSync(log, LOG_BYTES_MAX + 1);
  rotateLog(log);
  t.is(statSync(log).size, 0);
  t.is(statSync(`${log}.1`).size, LOG_BYTES_MAX + 1);
  appendFileSync(log, 'd\n');
  t.deepEqual(lastLines(log, 2), ['d']);
});

test('the summary names addresses, instances, what to try and what is not isolated', (t) => {
  const resources = { cpus: 2, mem: 1024, disk: 0, gpus: 0 };
  const times = { since: '', registeredAt: '' };
  const summary = summarize({
    workDir: '/w',
    master: 'http://127.0.0.1:5050',
    endpoint: 'tcp://127.0.0.1:5060',
    marathon: 'http://127.0.0.1:8081',
    agentAddresses: ['127.0.0.1:5051'],
    state: {
      masterId: '', version: '', endpoint: '', startedAt: '', frameworks: [], tasks: [], offers: [], roles: [],
      agents: [{ agentId: 'a', hostname: 'h', httpAddress: '127.0.0.1:5051', state: 'registered', ...times, resources, used: resources, offered: resources, attributes: {} }],
    },
    apps: [{ id: '/hello', cpus: 1, mem: 1, instances: 1, tasks: [{ id: 't1', host: '127.0.0.1', ports: [31000], state: 'TASK_RUNNING', healthCheckResults: [{ alive: true }] }] }],
    notIsolated: [{ feature: 'memory limits', reason: 'no cgroup can be made', remedy: 'run as root' }],
  });
  const text = summaryText(summary, 100);
  t.regex(text, /^agent-1 +http:\/\/127\.0\.0\.1:5051 +2 cpus, 1024 MiB$/m);
  t.regex(text, /^\/hello +http:\/\/127\.0\.0\.1:31000 +running, healthy +t1$/m);
  t.regex(text, /curl http:\/\/127\.0\.0\.1:31000\n {2}npx proffer app scale --marathon http:\/\/127\.0\.0\.1:8081 hello 5\n {2}npx proffer tasks\n/);
  t.regex(text, /Not isolated here:\n {2}memory limits: no cgroup can be made \(run as root\)/);
});
