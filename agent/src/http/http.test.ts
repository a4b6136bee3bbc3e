import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { resources } from '@proffer/sdk/model';
import { createLogger } from '@proffer/sdk/service';
import { systemClock } from '@proffer/sdk/transport';
import { Collector, maximumAge } from '../collector.js';
import type { AgentView } from '../core/types.js';
import { Sandboxes } from '../sandboxes.js';
import type { ListedFile } from './listing.js';
import { createAgentHttp, listen } from './server.js';

const log = createLogger({ name: 'test', level: 'silent' });

interface Host {
  readonly url: string;
  /** Sandbox of task `t` of framework `f`. */
  readonly sandbox: string;
  readonly root: string;
  readonly tasks: AgentView['tasks'][number][];
  get(path: string): Promise<Response>;
}

/** An HTTP server over a sandbox on disk; no task runs unless the test says so. */
async function host(t: ExecutionContext): Promise<Host> {
  const root = mkdtempSync(join(tmpdir(), 'proffer-http-'));
  const sandboxes = new Sandboxes(join(root, 'sandboxes'), log);
  const sandbox = join(sandboxes.root, 'f', 't', 'c1');
  mkdirSync(sandbox, { recursive: true });
  const tasks: AgentView['tasks'][number][] = [];
  const info = { hostname: 'h', httpAddress: 'h:1', resources: resources({ cpus: 2 }), attributes: [], version: '1' };
  const view = (): AgentView => ({
    agentId: 'a', registered: true, info, used: resources({}), tasks, executors: [],
  });
  const isolation = { mode: 'plain', missing: [{ feature: 'memory limit', reason: 'no cgroup', remedy: 'run as root' }] };
  const usage = () => ({ timestampMs: 1, cpuUserSeconds: 2.5, memoryBytes: 4096 });
  const task = (frameworkId: string, taskId: string) =>
    tasks.find((one) => one.frameworkId === frameworkId && one.taskId === taskId);
  const app = createAgentHttp({
    version: '1', sandboxRoot: sandboxes.root, workDir: root, isolation, log, clock: systemClock, sandboxes, view, usage, task,
  });
  const address = await listen(app, '127.0.0.1', 0, 0);
  t.teardown(async () => {
    await app.close();
    rmSync(root, { recursive: true });
  });
  const url = `http://${address}`;
  return { url, sandbox, root, tasks, get: (path) => fetch(url + path) };
}

function running(containerId: string): AgentView['tasks'][number] {
  return {
    frameworkId: 'f', taskId: 't', name: 't', role: '*', state: 'TASK_RUNNING', resources: resources({ cpus: 1 }),
    containerId, pid: 7, ended: false, pendingUpdates: 0,
  };
}

const FILES = '/frameworks/f/tasks/t/files';

test('a listing shows names, sizes, modes and kinds, and links as links', async (t) => {
  const h = await host(t);
  writeFileSync(join(h.sandbox, 'stdout'), 'hello', { mode: 0o640 });
  mkdirSync(join(h.sandbox, 'dir'), { mode: 0o755 });
  symlinkSync('/etc', join(h.sandbox, 'link'));
  const body = (await (await h.get(FILES)).json()) as { files: ListedFile[] };
  t.deepEqual(body.files.map(({ name, mode, directory }) => [name, mode, directory]), [
    ['dir', 'drwxr-xr-x', true], ['link', 'lrwxrwxrwx', false], ['stdout', '-rw-r-----', false],
  ]);
  t.is(body.files[2]!.size, 5);
  t.deepEqual(await (await h.get(`${FILES}?path=dir`)).json(), { path: 'dir', files: [] });
});

test('content: ranges, ends of files, kinds', async (t) => {
  const h = await host(t);
  writeFileSync(join(h.sandbox, 'stdout'), '0123456789');
  writeFileSync(join(h.sandbox, 'data.bin'), Buffer.alloc(200_000, 7));
  const read = async (query: string) => (await h.get(`${FILES}/content?path=stdout${query}`)).text();
  t.is(await read(''), '0123456789');
  t.is(await read('&offset=3&length=4'), '3456');
  t.is(await read('&offset=-4'), '6789');
  t.is(await read('&offset=-400'), '0123456789');
  t.is(await read('&offset=400'), '');
  t.is(await read('&length=0'), '');
  const binary = await h.get(`${FILES}/content?path=data.bin`);
  t.is((await binary.arrayBuffer()).byteLength, 200_000);
  t.like(Object.fromEntries(binary.headers), {
    'content-type': 'application/octet-stream', 'x-file-size': '200000', 'x-content-type-options': 'nosniff',
  });
});

/** Sends exactly this path: fetch would tidy it up. */
function raw(url: string, path: string): Promise<string> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    let answer = '';
    const request = `GET ${path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`;
    const socket = connect(Number(port), hostname, () => socket.write(request));
    socket.on('data', (chunk) => (answer += chunk)).on('end', () => resolve(answer)).on('error', reject);
  });
}

test('no path leads out of the sandbox, and nothing but files and directories is opened', async (t) => {
  const h = await host(t);
  writeFileSync(join(h.root, 'secret'), 'SECRET');
  writeFileSync(join(h.sandbox, 'inside'), 'fine');
  mkdirSync(join(h.sandbox, '..', 'c1-other'));
  writeFileSync(join(h.sandbox, '..', 'c1-other', 'secret'), 'SECRET');
  symlinkSync('../../../../secret', join(h.sandbox, 'up'));
  symlinkSync(join(h.root, 'secret'), join(h.sandbox, 'absolute'));
  symlinkSync(h.root, join(h.sandbox, 'directory'));
  symlinkSync('inside', join(h.sandbox, 'good'));
  symlinkSync('loop', join(h.sandbox, 'loop'));
  symlinkSync('../c1-other/secret', join(h.sandbox, 'neighbour'));
  symlinkSync('/proc/self/environ', join(h.sandbox, 'environment'));
  symlinkSync('/dev/zero', join(h.sandbox, 'device'));
  execFileSync('mkfifo', [join(h.sandbox, 'fifo')]);
  t.is(await (await h.get(`${FILES}/content?path=good`)).text(), 'fine', 'a link inside is followed');
  const attacks: [path: string, status: number][] = [
    ['../../../secret', 400], ['..', 400], ['a/../../x', 400], ['/etc/passwd', 400], ['..%2f..%2fsecret', 400], ['x%00y', 400],
    ['up', 400], ['absolute', 400], ['directory/secret', 400], ['neighbour', 400], ['environment', 400], ['device', 400],
    ['loop', 404], ['nothing', 404], ['inside/x', 404], ['fifo', 409], ['.', 409], [`${'a/'.repeat(3000)}b`, 400],
  ];
  for (const [path, status] of attacks) {
    for (const suffix of ['/content', '']) {
      const answer = await raw(h.url, `${FILES}${suffix}?path=${path}`);
      if (suffix === '' && path === '.') continue;
      t.regex(answer, new RegExp(`^HTTP/1.1 ${status} `), `${suffix}?path=${path.slice(0, 40)}`);
      t.false(answer.includes('SECRET') || answer.includes('root:'));
    }
  }
  for (const ids of ['f/tasks/..%2f..%2f', '..%2f/tasks/t', '%2e%2e/tasks/sandboxes', 'f/tasks/%2e%2e']) {
    const path = `/frameworks/${ids}/files`;
    t.regex(await raw(h.url, path), /^HTTP\/1.1 404 /, path);
  }
});

test('following goes on across a rotation and ends with the task', async (t) => {
  const h = await host(t);
  const path = join(h.sandbox, 'stdout');
  writeFileSync(path, 'one ');
  h.tasks.push(running('c1'));
  const response = await h.get(`${FILES}/content?path=stdout&follow=true`);
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  const until = async (end: string) => {
    while (!text.endsWith(end)) text += (await reader.read()).value ?? t.fail('the stream ended');
  };
  await until('one ');
  appendFileSync(path, 'two ');
  renameSync(path, `${path}.1`);
  writeFileSync(path, 'three ');
  await until('three ');
  t.is(text, 'one two three ');
  appendFileSync(path, 'four');
  h.tasks.splice(0);
  await until('four');
  t.true((await reader.read()).done);
});

test('a followed file may still have to appear', async (t) => {
  const h = await host(t);
  h.tasks.push(running('c1'));
  const response = await h.get(`${FILES}/content?path=stdout&follow=true`);
  t.is(response.status, 200);
  writeFileSync(join(h.sandbox, 'stdout'), 'late');
  h.tasks.splice(0);
  t.is(await response.text(), 'late');
  t.is((await h.get(`${FILES}/content?path=other&follow=true`)).status, 404);
});

test('files of an ended task can be read: the newest sandbox, also through the link of a task of an executor', async (t) => {
  const h = await host(t);
  writeFileSync(join(h.sandbox, 'stdout'), 'old');
  const second = join(h.sandbox, '..', 'c2');
  mkdirSync(second);
  writeFileSync(join(second, 'stdout'), 'new');
  utimesSync(h.sandbox, 1, 1);
  t.is(await (await h.get(`${FILES}/content?path=stdout`)).text(), 'new');
  const executor = join(h.root, 'sandboxes', 'f', 'e', 'c3');
  mkdirSync(executor, { recursive: true });
  writeFileSync(join(executor, 'stdout'), 'of the executor');
  const sandboxes = new Sandboxes(join(h.root, 'sandboxes'), log);
  sandboxes.link({ frameworkId: 'f', taskId: 'hosted', executorId: 'e', containerId: 'c3' });
  sandboxes.link({ frameworkId: 'f', taskId: 'hosted', executorId: 'e', containerId: 'c3' });
  t.is(await (await h.get('/frameworks/f/tasks/hosted/files/content?path=stdout')).text(), 'of the executor');
  const missing = await h.get('/frameworks/f/tasks/unknown/files');
  t.is(missing.status, 404);
  t.regex(((await missing.json()) as { message: string }).message, /no sandbox of task unknown of framework f/);
});

test('state, containers and metrics', async (t) => {
  const h = await host(t);
  h.tasks.push(running('c1'));
  t.like(await (await h.get('/state')).json(), {
    agentId: 'a', registered: true, httpAddress: 'h:1', resources: { cpus: 2 },
    tasks: { 0: { taskId: 't', resources: { cpus: 1 } } },
    isolation: { mode: 'plain', missing: { 0: { feature: 'memory limit', reason: 'no cgroup', remedy: 'run as root' } } },
  });
  t.like(await (await h.get('/containers')).json(), {
    containers: { 0: { containerId: 'c1', taskId: 't', pid: 7, sandbox: h.sandbox, usage: { memoryBytes: 4096 } } },
  });
  const metrics = await (await h.get('/metrics')).text();
  t.regex(metrics, /proffer_agent_registered 1/);
  t.regex(metrics, /proffer_agent_tasks\{state="TASK_RUNNING"\} 1/);
  t.regex(metrics, /proffer_container_memory_bytes\{container_id="c1",framework_id="f",task_id="t",executor_id=""\} 4096/);
  t.like(await (await h.get('/health')).json(), { status: 'ok', agentId: 'a' });
});

test('old sandboxes go, the sooner the fuller the disk; those of living containers stay', async (t) => {
  const week = 7 * 24 * 3600 * 1000;
  t.is(maximumAge({ delayMs: week, headroom: 0.1, intervalMs: 1 }, 0.4), 0.5 * week);
  t.is(maximumAge({ delayMs: week, headroom: 0.1, intervalMs: 1 }, 0.95), 0);
  const h = await host(t);
  const place = (framework: string, owner: string, containerId: string, ageMs: number) => {
    const path = join(h.root, 'sandboxes', framework, owner, containerId);
    mkdirSync(join(path, 'deep'), { recursive: true });
    symlinkSync(h.root, join(path, 'link'));
    const at = (Date.now() - ageMs) / 1000;
    utimesSync(path, at, at);
    return path;
  };
  place('g', 'old', 'old', 2000);
  const young = place('g', 'young', 'young', 0);
  const alive = place('g', 'alive', 'alive', 2000);
  const options = { delayMs: week, headroom: 0.1, intervalMs: 1000 };
  const collector = new Collector(join(h.root, 'sandboxes'), options, systemClock, log, () => new Set(['alive']));
  t.is(await collector.collect(1000), 1);
  t.is(await collector.collect(1000), 0);
  t.deepEqual([join(h.root, 'sandboxes', 'g', 'old'), young, alive].map((path) => existsSync(path)), [false, true, true]);
  t.notThrows(() => writeFileSync(join(h.root, 'still-there'), ''), 'what links point at is not touched');
});
