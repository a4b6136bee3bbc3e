import { execFileSync, spawnSync } from 'node:child_process';
import { accessSync, chownSync, constants } from 'node:fs';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { Box, isRoot, nobody, usualMounts } from './testing/box.js';
import type { ExitStatus, LaunchSpec } from './types/index.js';

const stayer = fileURLToPath(new URL('testing/launch-and-stay.js', import.meta.url));
const namespaces = { pid: true, mount: true, uts: true, ipc: true };

/** As root the caller drops its rights first; any other user is unprivileged already. */
const identity = isRoot ? nobody : {};
const reason = whyNot();
const userTest = reason === undefined ? test.serial : test.skip;
const title = (text: string): string => (reason === undefined ? text : `${text} (skipped: ${reason})`);

function whyNot(): string | undefined {
  try {
    if (!isRoot) accessSync(stayer, constants.R_OK);
    const script = `require('fs').accessSync(${JSON.stringify(stayer)})`;
    execFileSync(process.execPath, ['-e', script], { ...identity, stdio: 'ignore', cwd: '/' });
  } catch {
    return 'user 65534 cannot read this repository';
  }
  const made = spawnSync('unshare', ['-Um', 'true'], { ...identity, cwd: '/' });
  return made.status === 0 ? undefined : 'this kernel does not let users make user namespaces';
}

interface Lines {
  readonly first: { readonly pid?: number; readonly error?: string };
  readonly probe: { readonly code?: number; readonly stdout?: string; readonly error?: string } | undefined;
  readonly status: ExitStatus | undefined;
}

/** Launches as the unprivileged user, in a process of its own. */
function run(box: Box, fields: Partial<LaunchSpec> & { readonly ownUser?: boolean; readonly probe?: readonly string[] }): Lines {
  chownSync(box.runtime, nobody.uid, nobody.gid);
  const { user: _, ...spec } = box.shell('true', fields);
  const order = [stayer, 'wait', JSON.stringify(spec)];
  const { stdout, stderr } = spawnSync(process.execPath, order, { ...identity, encoding: 'utf8', cwd: '/' });
  const lines = stdout.split('\n').filter(Boolean).map((line) => JSON.parse(line) as never);
  if (lines.length === 0) throw new Error(stderr);
  const [first = {}, ...rest] = lines;
  return fields.probe === undefined ? { first, probe: undefined, status: rest[0] } : { first, probe: rest[0], status: rest[1] };
}

userTest(title('without root: own processes, host name, /dev, read-only root and hidden paths, by a user namespace'), (t) => {
  const box = new Box();
  t.teardown(() => box.remove());
  const script = [
    `until [ -e ${box.sandbox}/go ]; do sleep 0.01; done; sleep 0.2`,
    'hostname; ps -e -o comm= | tr "\\n" " "; echo; id -u; touch /tmp/x && ls /tmp | grep -v proffer',
    'touch /var/tmp/x 2>/dev/null || echo read-only',
    `ls -A ${box.runtime} | wc -l; touch ${box.sandbox}/x && echo writable`,
    'ls -A /dev | tr "\\n" " "; echo; echo x > /dev/null && head -c 2 /dev/zero | wc -c',
    'grep -E "CapEff|NoNew" /proc/self/status | cut -f2; exit 4',
  ].join('\n');
  const { first, probe, status } = run(box, {
    argv: ['sh', '-c', script],
    ownUser: true,
    namespaces,
    hostname: 'inside',
    hiddenPaths: [box.runtime, '/root'],
    mounts: [...usualMounts, { type: 'bind', source: box.sandbox, writable: true }],
    probe: ['sh', '-c', `hostname; cat /proc/1/comm; id -u; touch ${box.sandbox}/go`],
  });
  t.is(first.error, undefined);
  t.like(status, { kind: 'exited', code: 4 }, box.output('stderr'));
  const lines = box.output('stdout').split('\n');
  t.deepEqual(lines.slice(0, 9), [
    'inside', 'proffer-init sh ps tr ', '65534', 'x', 'read-only', '0', 'writable',
    'fd full null ptmx pts random shm stderr stdin stdout tty urandom zero ', '2',
  ]);
  t.deepEqual(lines.slice(9), ['0000000000000000', '1', '']);
  t.like(probe, { code: 0, stdout: 'inside\nproffer-init\n65534\n' });
});

userTest(title('without root: plain processes, and a clear refusal of what the kernel does not allow'), (t) => {
  const box = new Box();
  t.teardown(() => box.remove());
  const { status } = run(box, { argv: ['sh', '-c', 'id -u; grep NoNew /proc/self/status | cut -f2; setsid sleep 420 & exit 2'] });
  t.like(status, { kind: 'exited', code: 2 });
  t.is(box.output('stdout'), '65534\n1\n');

  const refused = new Box();
  t.teardown(() => refused.remove());
  t.regex(run(refused, { namespaces: { mount: true } }).first.error ?? '', /make namespaces: EPERM/);
  t.regex(run(refused, { ownUser: true, namespaces, capabilities: ['SYS_TIME'], argv: ['true'] }).first.error ?? 'none', /none/);
});
