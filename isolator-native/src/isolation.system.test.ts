import { existsSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import test from 'ava';
import { openCgroupTree } from './cgroups/index.js';
import { defaultCapabilities } from './defaults.js';
import { capabilityMask } from './capabilities.js';
import { allNamespaces, Box, isRoot, nobody, rootTitle, usualMounts } from './testing/box.js';
import type { Teardown } from './testing/box.js';
import type { LaunchSpec } from './types/index.js';

const rootTest = isRoot ? test.serial : test.skip;

function isolated(box: Box, script: string, more: Partial<LaunchSpec> = {}): LaunchSpec {
  return box.shell(script, { namespaces: allNamespaces, hostname: 'inside', root: { path: '/' }, mounts: usualMounts, ...more });
}

async function inside(t: Teardown, script: string, more: Partial<LaunchSpec> = {}): Promise<string> {
  const box = new Box();
  t.teardown(() => box.remove());
  const { status, stdout, stderr } = await box.run(isolated(box, script, more));
  return `${stdout}${stderr}${status.kind === 'exited' ? `exit ${status.code ?? status.signal}` : status.reason}`;
}

rootTest(rootTitle('a container sees its own processes, host name and cgroup, and nothing of the launcher'), async (t) => {
  const hostname = readFileSync('/proc/sys/kernel/hostname', 'utf8').trim();
  const script = 'hostname; ps -e -o pid=,comm=; ls -l /proc/1/exe /proc/1/fd 2>&1 | grep -c denied; ls /proc/self/fd | wc -l';
  const text = await inside(t, script);
  const lines = text.split('\n').map((line) => line.trim());
  t.is(lines[0], 'inside');
  t.not(hostname, 'inside');
  const programs = lines.slice(1, 4).map((line) => line.split(/ +/)[1]);
  t.deepEqual(programs, ['proffer-init', 'sh', 'ps']);
  t.is(lines[1]?.split(' ')[0], '1');
  t.is(lines[4], '2', 'the init cannot be inspected');
  t.is(lines[5], '4', 'standard streams and the directory being listed');
  t.is(readFileSync('/proc/sys/kernel/hostname', 'utf8').trim(), hostname);
});

rootTest(rootTitle('the host root is read-only and hidden paths are empty; the sandbox and /tmp are writable'), async (t) => {
  const box = new Box();
  t.teardown(() => box.remove());
  const secret = join(box.path, 'secret');
  const file = join(box.path, 'file');
  mkdirSync(secret);
  writeFileSync(join(secret, 'key'), 'hidden');
  writeFileSync(file, 'hidden');
  const script = [
    `touch /etc/x /usr/x ${box.path}/x /dev/x /proc/x 2>/dev/null || echo read-only`,
    `ls -A ${secret} | wc -l; cat ${file}; touch ${secret}/x 2>/dev/null || echo sealed`,
    `touch ${box.sandbox}/written /tmp/written && echo ok; ls /tmp; pwd`,
    'ls /nowhere 2>/dev/null || echo skipped',
  ].join('\n');
  const { stdout } = await box.run(
    isolated(box, script, {
      cwd: box.sandbox,
      hiddenPaths: [secret, file, '/nowhere', box.path],
      mounts: [
        ...usualMounts,
        { type: 'bind', source: box.sandbox, writable: true },
        { type: 'bind', source: '/etc/hostname', target: '/tmp/host' },
      ],
    }),
  );
  // The box itself is hidden last: only the sandbox is mounted back into it.
  const shown = ['host', basename(box.path), 'written'];
  t.deepEqual(stdout.split('\n'), ['read-only', '0', 'sealed', 'ok', ...shown, box.sandbox, 'skipped', '']);
  t.true(existsSync(join(box.sandbox, 'written')));
  t.false(existsSync('/tmp/written'));
});

rootTest(rootTitle('mounts keep out set-user-id and devices; sizes, modes and read-only binds hold'), async (t) => {
  const box = new Box();
  t.teardown(() => box.remove());
  const script = [
    'for path in /tmp /srv /opt /mnt; do grep " $path " /proc/self/mounts | tail -n 1 | cut -d" " -f2,4; done; stat -c %a /opt',
    'touch /srv/x 2>/dev/null || echo read-only',
    'head -c 100k /dev/zero > /mnt/x 2>/dev/null || echo full; stat -c %s /mnt/x',
  ].join('\n');
  const { stdout } = await box.run(
    isolated(box, script, {
      mounts: [
        ...usualMounts,
        { type: 'bind', source: box.sandbox, target: '/srv' },
        { type: 'tmpfs', target: '/opt', mode: 0o750, executable: false },
        { type: 'tmpfs', target: '/mnt', sizeBytes: 65_536, mode: 0o1777 },
      ],
    }),
  );
  const lines = stdout.split('\n');
  const options = Object.fromEntries(lines.slice(0, 4).map((line) => line.split(' ') as [string, string]));
  t.regex(options['/tmp'] ?? '', /^rw,nosuid,nodev,/);
  t.regex(options['/srv'] ?? '', /^ro,nosuid,nodev,/);
  t.regex(options['/opt'] ?? '', /^rw,nosuid,nodev,noexec,/);
  t.deepEqual(lines.slice(4), ['750', 'read-only', 'full', '65536', '']);
});

rootTest(rootTitle('/dev has exactly the documented nodes, and they work'), async (t) => {
  const script = [
    'ls -A /dev | tr "\\n" " "; echo; ls -A /dev/pts',
    'echo x > /dev/null && head -c 3 /dev/zero | wc -c && touch /dev/shm/x && echo ok; stat -c "%a %t:%T" /dev/null /dev/tty',
  ].join('\n');
  const text = await inside(t, script);
  t.deepEqual(text.split('\n'), [
    'fd full null ptmx pts random shm stderr stdin stdout tty urandom zero ', 'ptmx', '3', 'ok', '666 1:3', '666 5:0', 'exit 0',
  ]);
});

rootTest(rootTitle('masked paths of /proc show nothing, and /proc/sys is read-only even for root'), async (t) => {
  const script = [
    'wc -c < /proc/keys; wc -c < /proc/interrupts; ls -A /sys/firmware | wc -l',
    '(echo 1 > /proc/sys/vm/drop_caches) 2>/dev/null || echo refused',
    '(echo b > /proc/sysrq-trigger) 2>/dev/null || echo refused',
  ].join('\n');
  const text = await inside(t, script, { user: { uid: 0, gid: 0 } });
  t.deepEqual(text.split('\n'), ['0', '0', '0', 'refused', 'refused', 'exit 0']);
});

rootTest(rootTitle('rights: none for users, the usual ones for root, ambient where asked; groups; umask'), async (t) => {
  const fields = '^(Uid|Gid|Groups|Cap...|NoNewPrivs|SigBlk|SigIgn):';
  const script = `grep -E "${fields}" /proc/self/status | tr -s "\\t " " "; umask`;
  const field = (text: string, name: string): string => new RegExp(`^${name}: ?(.*?) ?$`, 'm').exec(text)?.[1] ?? '';
  const mask = (names: readonly string[]): string => capabilityMask(names).toString(16).padStart(16, '0');

  const user = await inside(t, script, { user: { ...nobody, groups: [7, 8] }, umask: 0o077 });
  t.is(field(user, 'Uid'), '65534 65534 65534 65534');
  t.is(field(user, 'Groups'), '7 8');
  for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb']) t.is(field(user, set), mask([]), set);
  t.is(field(user, 'NoNewPrivs'), '1');
  t.is(field(user, 'SigBlk'), mask([]));
  t.is(field(user, 'SigIgn'), mask([]), 'Node ignores SIGPIPE, the task must not');
  t.regex(user, /^0?077$/m);

  const root = await inside(t, script, { user: { uid: 0, gid: 0 }, noNewPrivileges: false });
  for (const set of ['CapPrm', 'CapEff', 'CapBnd']) t.is(field(root, set), mask(defaultCapabilities), set);
  t.is(field(root, 'NoNewPrivs'), '0');
  t.is(field(root, 'Groups'), '');

  const web = await inside(t, script, { capabilities: ['NET_BIND_SERVICE'] });
  for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb']) t.is(field(web, set), mask(['NET_BIND_SERVICE']), set);
});

rootTest(rootTitle('resource limits, oom score, environment, working directory and PATH lookup'), async (t) => {
  const text = await inside(t, 'ulimit -n; ulimit -Hn; ulimit -c; cat /proc/self/oom_score_adj; env | sort; pwd', {
    limits: { nofile: { soft: 50, hard: 60 }, core: { soft: 0, hard: 0 } },
    oomScoreAdj: 321,
    env: { PATH: '/nowhere:/usr/bin:/bin', GREETING: 'two words' },
    cwd: '/usr/share',
  });
  const environment = ['GREETING=two words', 'PATH=/nowhere:/usr/bin:/bin', 'PWD=/usr/share'];
  t.deepEqual(text.split('\n'), ['50', '60', '0', '321', ...environment, '/usr/share', 'exit 0']);
});

rootTest(rootTitle('a root directory of its own: read-only by default, mount points made, the host out of sight'), async (t) => {
  const box = new Box();
  t.teardown(() => box.remove());
  const root = join(box.path, 'root');
  mkdirSync(root);
  for (const name of ['bin', 'lib', 'lib64', 'usr']) {
    if (!existsSync(`/${name}`)) continue;
    const merged = statSync(`/usr/${name}`, { throwIfNoEntry: false });
    if (statSync(`/${name}`).ino === merged?.ino) symlinkSync(`usr/${name}`, join(root, name));
  }
  const mounts = [
    { type: 'bind', source: '/usr' },
    ...usualMounts,
    { type: 'bind', source: box.sandbox, target: '/data/deep', writable: true },
  ] as const;
  const script = [
    'echo /*; touch /x 2>/dev/null || echo read-only; touch /data/deep/y && echo ok',
    'cat /proc/1/comm; grep -c " / " /proc/self/mounts',
  ].join('\n');
  const closed = await box.run(isolated(box, script, { root: { path: root }, mounts }));
  const top = '/bin /data /dev /lib /lib64 /proc /tmp /usr';
  t.deepEqual(closed.stdout.split('\n'), [top, 'read-only', 'ok', 'proffer-init', '1', ''], closed.stderr);

  const open = new Box();
  t.teardown(() => open.remove());
  const asRoot = { user: { uid: 0, gid: 0 }, root: { path: root, writable: true }, mounts };
  await open.run(isolated(open, 'echo new > /x', asRoot));
  t.is(readFileSync(join(root, 'x'), 'utf8'), 'new\n');
});

rootTest(rootTitle('a user namespace with mapped ids: root inside is nobody outside, also in its cgroup and logs'), async (t) => {
  const box = new Box();
  const tree = openCgroupTree({ prefix: `proffer-test-mapped-${process.pid}` });
  t.teardown(async () => {
    await box.remove();
    await tree.removeAll();
  });
  const map = [{ inside: 0, outside: 100_000, count: 65_536 }];
  const script = [
    'id -u; hostname; touch /tmp/x && stat -c %u /tmp/x; grep -c . /proc/self/uid_map',
    'grep -c "CapEff:.*00000000a80425fb" /proc/self/status; (echo x > /dev/null) && echo dev',
    'ls /proc/1/fd >/dev/null 2>&1 || echo closed',
  ].join('\n');
  const { stdout, stderr } = await box.run(
    isolated(box, script, {
      namespaces: { ...allNamespaces, user: { uidMap: map, gidMap: map } },
      user: { uid: 0, gid: 0 },
      cgroup: tree.create('one', { pids: { max: 10 } }),
    }),
  );
  t.deepEqual(stdout.split('\n'), ['0', 'inside', '0', '1', '1', 'dev', 'closed', ''], stderr);
  t.is(statSync(join(box.sandbox, 'stdout')).uid, 100_000);
});
