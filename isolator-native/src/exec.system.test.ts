import test from 'ava';
import { openCgroupTree } from './cgroups/index.js';
import { execIn } from './exec.js';
import { allNamespaces, Box, isRoot, nobody, rootTitle, until, usualMounts } from './testing/box.js';
import type { Teardown } from './testing/box.js';
import type { Container, ExecSpec, LaunchSpec } from './types/index.js';

const rootTest = isRoot ? test.serial : test.skip;

const ways: Readonly<Record<string, Partial<LaunchSpec>>> = {
  namespaces: { namespaces: allNamespaces, hostname: 'inside', mounts: usualMounts },
  plain: {},
};

async function running(t: Teardown, fields: Partial<LaunchSpec>): Promise<{ box: Box; container: Container }> {
  const box = new Box();
  t.teardown(() => box.remove());
  return { box, container: await box.launch(box.shell('echo ready; while :; do sleep 1; done', fields)) };
}

function shell(script: string, more: Partial<ExecSpec> = {}): ExecSpec {
  return { argv: ['sh', '-c', script], env: { PATH: '/usr/bin:/bin' }, user: nobody, captureBytes: 10_000, ...more };
}

for (const [way, fields] of Object.entries(ways)) {
  rootTest(rootTitle(`${way}: a command in a running container gives its code or signal and its output`), async (t) => {
    const { box, container } = await running(t, fields);
    const result = await execIn(container, shell('echo out; echo err >&2; id -u; exit 3', { cwd: '/usr' }));
    t.like(result, { code: 3, signal: null, timedOut: false });
    t.is(String(result.stdout), 'out\n65534\n');
    t.is(String(result.stderr), 'err\n');
    t.like(await execIn(box.runtime, shell('kill -9 $$')), { code: null, signal: 'SIGKILL', timedOut: false });
    t.like(await execIn(container, { argv: ['/bin/true'] }), { code: 0, stdout: undefined });
    const long = await execIn(container, shell('head -c 300000 /dev/zero; echo done >&2', { captureBytes: 1000 }));
    t.is(long.stdout?.length, 1000);
    t.is(String(long.stderr), 'done\n');
    t.is(container.status, undefined);
  });

  rootTest(rootTitle(`${way}: at the time-out everything the command started is killed, and nothing else`), async (t) => {
    const { container } = await running(t, fields);
    const started = Date.now();
    const script = 'setsid sleep 401 & (setsid sleep 402 &); echo begun; sleep 403';
    const result = await execIn(container, shell(script, { timeoutMs: 200 }));
    t.like(result, { code: null, signal: 'SIGKILL', timedOut: true });
    t.is(String(result.stdout), 'begun\n');
    t.true(Date.now() - started < 3000);
    const list = shell('ps -e -o args= | grep "^sleep 40"');
    const sleepers = async (): Promise<string> => String((await execIn(container, list)).stdout);
    t.is(await sleepers(), '');
    t.is(container.status, undefined);
    const left = await execIn(container, shell('setsid sleep 404 >/dev/null 2>&1 & exit 0'));
    t.is(left.code, 0);
    t.is(await sleepers(), '');
  });

  rootTest(rootTitle(`${way}: what cannot be run is an error, and so is a container that has ended`), async (t) => {
    const { container } = await running(t, fields);
    const missing = execIn(container, { argv: ['nothing-like-this'] });
    await t.throwsAsync(missing, { code: 'ENOENT', message: /^exec nothing-like-this: ENOENT/ });
    await t.throwsAsync(execIn(container, shell('true', { cwd: '/nowhere' })), { code: 'ENOENT', message: /working directory/ });
    await t.throwsAsync(execIn(container, { argv: [] }), { code: 'INVALID_SPEC', message: /spec\.argv/ });
    const impatient = execIn(container, { argv: ['true'], timeoutMs: 0 });
    await t.throwsAsync(impatient, { code: 'INVALID_SPEC', message: /spec\.timeoutMs/ });
    await container.destroy();
    await t.throwsAsync(execIn(container, { argv: ['true'] }), { code: 'ESRCH', message: /find container/ });
  });
}

rootTest(rootTitle('a command sees the namespaces and rights of the container, and not the launcher'), async (t) => {
  const { container } = await running(t, ways['namespaces'] ?? {});
  const script = [
    'hostname; cat /proc/1/comm; touch /etc/x 2>/dev/null || echo read-only',
    'grep -E "CapEff|CapBnd|NoNewPrivs" /proc/self/status | cut -f2',
    'ls /proc/self/fd | wc -l; cat /proc/$PPID/comm; ls /proc/$PPID/fd 2>&1 | grep -c denied',
  ];
  const { stdout } = await execIn(container, shell(script.join('\n')));
  const none = '0000000000000000';
  t.deepEqual(String(stdout).split('\n'), ['inside', 'proffer-init', 'read-only', none, none, '1', '4', 'proffer-exec', '1', '']);
});

rootTest(rootTitle('a command joins the cgroup of the container, without being told'), async (t) => {
  const tree = openCgroupTree({ prefix: `proffer-test-exec-${process.pid}` });
  t.teardown(() => tree.removeAll());
  const cgroup = tree.create('one', { pids: { max: 20 } });
  const { container } = await running(t, { ...ways['namespaces'], cgroup });
  const inside = await execIn(container, shell('cat /proc/self/cgroup'));
  t.notRegex(String(inside.stdout), /proffer-test-exec/, 'its own cgroup is the root it sees');
  const pending = execIn(container, shell('exec sleep 0.3'));
  await until('the command is in', () => cgroup.processes().length === 3);
  t.is((await pending).code, 0);
  await container.destroy();
  t.is(tree.open('one'), undefined);
});
