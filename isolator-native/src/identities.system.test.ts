import { execFileSync } from 'node:child_process';
import {
  chownSync, copyFileSync, existsSync, lstatSync, mkdirSync, readFileSync, readlinkSync, statSync, symlinkSync, writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { execIn } from './exec.js';
import { probe } from './probe.js';
import { defaultSeccomp } from './seccomp.js';
import { allNamespaces, Box, isRoot, rootTitle, usualMounts } from './testing/box.js';
import { until } from './testing/processes.js';
import type { LaunchSpec } from './types/index.js';

const BUSYBOX = '/bin/busybox';
const root = { uid: 0, gid: 0 };
const skip = { time: 'no time namespaces', shift: 'no idmapped mounts', busybox: 'busybox-static is not installed' };

const found = isRoot ? probe() : undefined;
const has = { time: found?.namespaces.time === true, shift: found?.idmappedMounts === true, busybox: existsSync(BUSYBOX) };

/** Runs where root and the feature are there; skipped with the reason in its title elsewhere. */
function featureTest(feature: keyof typeof has, title: string, body: (t: ExecutionContext) => Promise<void>): void {
  if (isRoot && has[feature]) test.serial(title, body);
  else test.skip(isRoot ? `${title} (skipped: ${skip[feature]} here)` : rootTitle(title), () => {});
}

/** A range of host ids of its own. */
function range(first: number, count: number): Pick<LaunchSpec, 'namespaces'> {
  const map = [{ inside: 0, outside: first, count }];
  return { namespaces: { ...allNamespaces, user: { uidMap: map, gidMap: map } } };
}

/** A root file system like an image's: busybox and its applets, owned by `owner`. */
function makeRoot(box: Box, owner: number): string {
  const path = join(box.path, 'root');
  for (const directory of ['', 'bin', 'sbin', 'etc', 'proc', 'dev', 'tmp', 'run']) {
    mkdirSync(join(path, directory), { recursive: true });
    chownSync(join(path, directory), owner, owner);
  }
  copyFileSync(BUSYBOX, join(path, 'bin/busybox'));
  for (const applet of ['sh', 'id', 'stat', 'touch', 'ps', 'sleep', 'poweroff', 'cat', 'grep', 'kill']) {
    symlinkSync('busybox', join(path, 'bin', applet));
  }
  symlinkSync('../bin/busybox', join(path, 'sbin/init'));
  writeFileSync(join(path, 'etc/owned'), 'by root\n');
  return path;
}

featureTest('busybox', 'two containers of 2,000 ids each: 0-1999 are 10000-11999 in the one, 12000-13999 in the other', async (t) => {
  for (const first of [10_000, 12_000]) {
    const box = new Box();
    t.teardown(() => box.remove());
    chownSync(box.sandbox, first, first);
    const path = makeRoot(box, first);
    const container = await box.launch(box.shell('id -u; cat /proc/self/uid_map; touch /made; exec sleep 60', {
      ...range(first, 2000), user: root, root: { path, writable: true }, mounts: [{ type: 'proc' }, { type: 'dev' }],
      env: { PATH: '/bin' },
    }));
    await until('the script has run', () => existsSync(join(path, 'made')));
    t.regex(box.output('stdout'), new RegExp(`^0\\n\\s+0\\s+${first}\\s+2000\\n$`));
    const status = readFileSync(`/proc/${container.initPid}/status`, 'utf8');
    t.regex(status, new RegExp(`^Uid:\\t${first}\\t`, 'm'), 'root inside is nobody outside');
    t.is(statSync(join(path, 'made')).uid, first);
    const beyond = await execIn(container, { argv: ['id'], user: { uid: 2000, gid: 0 } }).then(() => 'ran', (error: Error) => error.message);
    t.regex(beyond, /EINVAL/, 'there is no id 2000 inside');
    await container.destroy();
  }
});

featureTest('shift', 'shifted owners: files of the host\'s root are the container root\'s, and what it makes is root\'s outside', async (t) => {
  const box = new Box();
  t.teardown(() => box.remove());
  const path = makeRoot(box, 0);
  const data = join(box.path, 'data');
  mkdirSync(data);
  chownSync(data, 0, 0);
  // Nobody but the host's root may go through here: the sources are taken by who launches.
  execFileSync('chmod', ['700', box.path]);
  const script = 'stat -c %u /etc/owned /data; touch /etc/made /data/made && echo written; stat -c %u /etc/made';
  const { stdout, stderr } = await box.run(box.shell(script, {
    ...range(200_000, 65_536), user: root, env: { PATH: '/bin' },
    root: { path, writable: true, shifted: true },
    mounts: [{ type: 'proc' }, { type: 'dev' }, { type: 'bind', source: data, target: '/data', writable: true, shifted: true }],
  }));
  t.deepEqual(stdout.split('\n'), ['0', '0', 'written', '0', ''], stderr);
  t.is(statSync(join(path, 'etc/made')).uid, 0);
  t.is(statSync(join(data, 'made')).uid, 0);
});

featureTest('time', 'a clock of its own: boot time is shifted inside, also for further commands, and not outside', async (t) => {
  const box = new Box();
  t.teardown(() => box.remove());
  const day = 86_400;
  const before = Number(readFileSync('/proc/uptime', 'utf8').split('.')[0]);
  const container = await box.launch(box.shell('cut -d. -f1 /proc/uptime; exec sleep 60', {
    namespaces: { ...allNamespaces, time: { offsetSeconds: 10 * day } }, root: { path: '/' }, mounts: usualMounts,
  }));
  await until('the uptime is written', () => box.output('stdout') !== '');
  const inside = Number(box.output('stdout'));
  t.true(inside >= before + 10 * day && inside < before + 10 * day + 60, `${before} ${inside}`);
  const { stdout } = await execIn(container, { argv: ['cut', '-d.', '-f1', '/proc/uptime'], env: { PATH: '/usr/bin:/bin' }, captureBytes: 100 });
  t.true(Number(stdout) >= inside, String(stdout));
  t.true(Number(readFileSync('/proc/uptime', 'utf8').split('.')[0]) < before + day);
  await container.destroy();
});

featureTest('busybox', 'a whole system: the root\'s own init is process 1, starts services, and shuts down cleanly', async (t) => {
  const box = new Box();
  t.teardown(() => box.remove());
  chownSync(box.sandbox, 300_000, 300_000);
  const path = makeRoot(box, 300_000);
  writeFileSync(join(path, 'etc/inittab'), [
    '::sysinit:/bin/touch /run/booted', '::respawn:/bin/sleep 1000', '::shutdown:/bin/touch /etc/down', '',
  ].join('\n'));
  const capabilities = ['CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'KILL', 'SETGID', 'SETUID', 'SYS_ADMIN', 'SYS_BOOT'];
  const container = await box.launch({
    ...box.shell('', {
      ...range(300_000, 65_536), user: root, capabilities, seccomp: defaultSeccomp({ capabilities }), ownInit: true,
      root: { path, writable: true }, env: { PATH: '/bin:/sbin', container: 'proffer' },
      mounts: [{ type: 'proc' }, { type: 'dev' }, { type: 'tmpfs', target: '/run' }],
    }),
    argv: ['/sbin/init'],
  });
  const service = async (): Promise<boolean> => {
    const { stdout = '' } = await execIn(container, { argv: ['ps'], env: { PATH: '/bin' }, user: root, captureBytes: 10_000 });
    return / 1 0? +\S* .*init/.test(` ${String(stdout)}`) && String(stdout).includes('sleep 1000');
  };
  t.is(readlinkSync(`/proc/${container.initPid}/exe`), '/bin/busybox');
  for (let tries = 0; tries < 100 && !(await service()); tries++) await new Promise((resolve) => setTimeout(resolve, 20));
  t.true(await service(), 'its service runs');
  container.ref();
  // busybox's init powers off by SIGUSR2; in a process namespace that ends process 1.
  container.kill('SIGUSR2');
  const status = await container.exited;
  t.true(status.kind === 'exited' && status.signal === 'SIGINT', JSON.stringify(status));
  t.true(lstatSync(join(path, 'etc/down')).isFile(), 'its shutdown actions ran');
});
