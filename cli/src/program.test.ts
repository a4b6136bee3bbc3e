import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { parseApps, resolveFetch } from './app-file.js';
import { findTask } from './api/find-task.js';
import { fakeCluster, Refusal, runCommand, stateOf } from './fake-cluster.test-helper.js';
import { createProgram } from './program.js';

test('every command has a description, examples in its help, and refuses flags that it does not have', async (t) => {
  const program = createProgram({ output: { width: 80, write: () => undefined, note: () => undefined }, now: () => 0 });
  const commands = program.commands.flatMap((command) => (command.commands.length === 0 ? [[command.name()]] : command.commands.map((one) => [command.name(), one.name()])));
  t.deepEqual(commands.map((words) => words.join(' ')).sort(), [
    'agent', 'agents', 'app deploy', 'app list', 'app remove', 'app restart', 'app scale', 'check isolation', 'frameworks', 'kill', 'logs', 'marathon', 'master', 'status', 'tasks', 'up',
  ]);
  for (const words of commands) {
    const help = await runCommand([...words, '--help']);
    t.is(help.code, 0);
    t.regex(help.out, /\nExamples:\n {2}.*proffer /, words.join(' '));
    const wrong = await runCommand([...words, '--frobnicate']);
    t.is(wrong.code, 2, words.join(' '));
    t.regex(wrong.err, /unknown option '--frobnicate'/);
    t.is(wrong.out, '');
  }
});

test('wrong arguments are told with what was expected, and end with 2', async (t) => {
  const cases: [string[], RegExp][] = [
    [['frobnicate'], /unknown command 'frobnicate'/],
    [['up', '--agents', '0'], /'--agents <count>' argument '0' is invalid. expected a whole number from 1 to 32/],
    [['up', '--master-port', '70000'], /expected a port/],
    [['app', 'scale', 'hello', 'many'], /'many' is invalid for argument 'instances'. expected a whole number/],
    [['app', 'scale', 'hello'], /missing required argument 'instances'/],
    [['agent', '--resources', 'cpus:lots'], /cpus must be a number like 2 or 0.5, got "lots"/],
    [['agent', '--attributes', 'rack'], /an attribute looks like name:value, got "rack"/],
    [['agent', '--master', 'nowhere'], /expected an address like tcp:\/\/127.0.0.1:5060/],
    [['master', '--weights', 'web'], /expected weights like batch=2,web=0.5, got "web"/],
    [['tasks', '--master', 'http://'], /expected a URL like/],
    [['kill', 'a', 'b'], /too many arguments/],
    [['master', '--log-level', 'loud'], /expected one of trace, debug/],
  ];
  for (const [args, expected] of cases) {
    const { code, err, out } = await runCommand(args);
    t.is(code, 2, args.join(' '));
    t.regex(err, expected);
    t.is(out, '');
  }
  t.is((await runCommand(['--version'])).out.trim(), '0.1.0');
});

test('nobody at the address: exit code 3 and what to do next', async (t) => {
  for (const [words, flag] of [[['status'], '--master'], [['logs', 'x'], '--master'], [['app', 'list'], '--marathon']] as const) {
    const { code, err, out } = await runCommand([...words, flag, 'http://127.0.0.1:1', '--json']);
    t.is(code, 3);
    t.regex(err, /nothing listens on 127\.0\.0\.1:1, where the (master|marathon) was expected\n {2}start one with "npx proffer up", or name another with --/);
    t.is(out, '');
  }
});

test('lists as tables that fit and as JSON', async (t) => {
  const { url } = await fakeCluster(t, { 'GET /state': stateOf('127.0.0.1:5051'), 'GET /v2/apps': { apps: [{ id: '/hello', cmd: 'sleep 1', cpus: 0.1, mem: 32, instances: 2, healthChecks: [{}], tasksRunning: 2, tasksHealthy: 1, deployments: [{}] }] } });
  const master = ['--master', url];
  const tasks = await runCommand(['tasks', ...master], 100);
  t.is(tasks.code, 0);
  t.regex(tasks.out, /^hello\.aa1 +marathon +running +healthy +host-1 +31000 +0\.5 +128 +1m$/m);
  t.notRegex(tasks.out, /hello\.ab1/);
  t.true(tasks.out.split('\n').every((line) => line.length <= 100));
  t.regex((await runCommand(['tasks', '--all', ...master])).out, /hello\.ab1 +marathon +failed +-/);
  t.is((await runCommand(['tasks', '--agent', 'elsewhere', ...master])).out, 'no tasks\n');
  const json = JSON.parse((await runCommand(['tasks', '--json', '--framework', 'marathon', ...master])).out) as { taskId: string }[];
  t.deepEqual(json.map(({ taskId }) => taskId), ['hello.aa1', 'hello.ab2']);
  t.regex((await runCommand(['agents', ...master])).out, /^a1 +host-1 +registered +2 +0\.5\/4 +128\/4096 +0\/0 +127\.0\.0\.1:5051 +rack:r1$/m);
  t.regex((await runCommand(['frameworks', ...master])).out, /^f1 +marathon +connected +\* +2 +0\.5 +128 +1m$/m);
  const status = await runCommand(['status', ...master]);
  t.regex(status.out, /^agents +1 registered$/m);
  t.regex(status.out, /^tasks +2 running, 1 failed$/m);
  t.regex(status.out, /^cpus +0\.5 +0\.5 +4$/m);
  t.like(JSON.parse((await runCommand(['status', '--json', ...master])).out), { tasks: { TASK_RUNNING: 2, TASK_FAILED: 1 }, resources: { cpus: { used: 0.5, total: 4 } } });
  t.regex((await runCommand(['app', 'list', '--marathon', url])).out, /^\/hello +2\/2 +1\/2 +deploying +0\.1 +32 +sleep 1$/m);
});

test('a task is named by its id or a beginning that no other has; running ones go before ended ones', (t) => {
  const { tasks } = stateOf('');
  t.is(findTask(tasks, 'hello.aa1').taskId, 'hello.aa1');
  t.is(findTask(tasks, 'hello.aa').taskId, 'hello.aa1');
  t.is(findTask(tasks, 'hello.ab').taskId, 'hello.ab2');
  t.is(findTask(tasks, 'hello.ab1').taskId, 'hello.ab1');
  t.throws(() => findTask(tasks, 'hello.'), { message: /^"hello\." fits 2 tasks:\n {2}hello\.aa1 {2}\(framework f1\)\n {2}hello\.ab2/ });
  const missing = t.throws(() => findTask(tasks, 'x'), { message: 'no task has an id that begins with "x"' }) as unknown as { exitCode: number };
  t.is(missing.exitCode, 4);
});

test('kill asks the master, logs asks the agent', async (t) => {
  const answers: Record<string, unknown> = {
    'POST /frameworks/f1/tasks/hello.aa1/kill': { status: 'accepted' },
    'GET /frameworks/f1/tasks/hello.aa1/files/content?path=stdout': 'one\ntwo',
    'GET /frameworks/f1/tasks/hello.aa1/files/content?path=stderr&offset=-3&follow=true': 'two',
  };
  const { url, asked } = await fakeCluster(t, answers);
  answers['GET /state'] = stateOf(url.replace('http://', ''));
  const master = ['--master', url];
  t.deepEqual(await runCommand(['kill', 'hello.aa', ...master]), { code: 0, out: 'hello.aa1 is being killed\n', err: '' });
  t.true(asked.some(({ line }) => line === 'POST /frameworks/f1/tasks/hello.aa1/kill'));
  t.is((await runCommand(['logs', 'hello.aa', ...master])).out, 'one\ntwo');
  t.is((await runCommand(['logs', '-f', '-c', '3', '--stderr', 'hello.aa', ...master])).out, 'two');
  const lines = (await runCommand(['logs', '--json', 'hello.aa', ...master])).out.trim().split('\n').map((line) => JSON.parse(line) as unknown);
  t.deepEqual(lines, [{ taskId: 'hello.aa1', stream: 'stdout', line: 'one' }, { taskId: 'hello.aa1', stream: 'stdout', line: 'two' }]);
  const gone = await runCommand(['logs', 'hello.ab2', ...master]);
  t.is(gone.code, 4);
  t.regex(gone.err, /the agent refused: there is nothing at/);
});

test('apps are deployed, scaled, restarted and removed; refusals name the fields', async (t) => {
  const done = { version: 'v', deploymentId: 'd' };
  const { url, asked } = await fakeCluster(t, {
    'PUT /v2/apps/web/hello?partialUpdate=false': done,
    'GET /v2/apps/web/hello': { app: { id: '/web/hello' } },
    'PUT /v2/apps/web/hello?force=true': done,
    'POST /v2/apps/web/hello/restart': done,
    'DELETE /v2/apps/web/hello': done,
    'PUT /v2/apps/bad?partialUpdate=false': new Refusal(422, { message: 'Object is not valid', details: [{ path: '/cpus', errors: ['must be positive'] }] }),
  });
  const directory = mkdtempSync(join(tmpdir(), 'proffer-cli-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  const file = join(directory, 'app.json');
  const marathon = ['--marathon', url];
  writeFileSync(file, JSON.stringify({ id: 'web/hello', cmd: 'true', fetch: [{ uri: 'a.txt' }, { uri: 'http://x/y' }] }));
  t.like(await runCommand(['app', 'deploy', file, ...marathon]), { code: 0, out: 'web/hello is being deployed\n' });
  t.deepEqual((JSON.parse(asked[0]!.body) as { fetch: unknown }).fetch, [{ uri: `file://${directory}/a.txt` }, { uri: 'http://x/y' }]);
  t.deepEqual(JSON.parse((await runCommand(['app', 'scale', '/web/hello', '5', '--force', '--json', ...marathon])).out), { id: '/web/hello', instances: 5, ...done });
  t.is(asked[2]!.body, '{"instances":5}');
  t.is((await runCommand(['app', 'scale', 'none', '5', ...marathon])).code, 4, 'scaling creates no app');
  t.is((await runCommand(['app', 'restart', '/web/hello', ...marathon])).code, 0);
  t.is((await runCommand(['app', 'remove', 'web/hello', ...marathon])).code, 0);
  writeFileSync(file, JSON.stringify({ id: 'bad' }));
  const refused = await runCommand(['app', 'deploy', file, ...marathon]);
  t.is(refused.code, 1);
  t.regex(refused.err, /the marathon refused: Object is not valid\n {2}\/cpus: must be positive/);
  t.regex((await runCommand(['app', 'deploy', join(directory, 'none.json')])).err, /none\.json cannot be read/);
});

test('app files: what is wrong is said, with the file', (t) => {
  t.throws(() => parseApps('{', 'app.json'), { message: /^app\.json is not valid JSON/ });
  t.throws(() => parseApps('[{"id":"/a"},{}]', 'app.json'), { message: 'app 2 of app.json must have an "id" like "/hello", got none' });
  t.throws(() => parseApps('7', 'app.json'), { message: 'app.json must be an app definition (an object), got 7' });
  t.deepEqual(resolveFetch({ id: 'a', fetch: 'odd' }, '/d'), { id: 'a', fetch: 'odd' });
});

test('up refuses an address that other machines reach, before it makes anything', async (t) => {
  const refused = await runCommand(['up', '--host', '0.0.0.0', '--work-dir', '/nonexistent/work']);
  t.is(refused.code, 2);
  t.regex(refused.err, /"0\.0\.0\.0" is reachable from other machines.*--insecure/);
});
