import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import type { LinuxInfo } from '@proffer/sdk/model';
import { containerSpec } from '../containerizer/recorder.test-helper.js';
import type { ContainerSpec } from '../containerizer/types.js';
import { capabilitiesIsolator } from './capabilities.js';
import { noNewPrivilegesIsolator } from './no-new-privileges.js';
import { rlimitsIsolator } from './rlimits.js';
import { seccompIsolator } from './seccomp.js';
import { timeIsolator } from './time.js';
import { userNamespaceIsolator, wantsOwnRange } from './user-namespace.js';
import { userPool, UserRanges } from './user-ranges.js';
import type { UserPolicy } from './user.js';

function asking(linux: LinuxInfo, user = 'nobody'): ContainerSpec {
  return { ...containerSpec('/work/sandboxes', 'one'), command: { shell: true, value: 'true', user }, container: { linux } };
}

const ids: Readonly<Record<string, number>> = { root: 0, nobody: 65_534 };
const users: UserPolicy = {
  own: { uid: 0, gid: 0 },
  defaultUser: 'nobody',
  allowRoot: true,
  users: { find: (name) => ({ name, uid: ids[name] ?? 1, gid: ids[name] ?? 1, groups: [] }) },
  hasOwnRange: wantsOwnRange,
};

test('capabilities: added and dropped by name, never more than the operator and the user allow', (t) => {
  const policy = { defaults: ['CHOWN', 'KILL'], allowed: ['NET_ADMIN'], known: ['CHOWN', 'KILL', 'NET_ADMIN', 'SYS_ADMIN'] };
  const given = (linux: LinuxInfo, user?: string) => capabilitiesIsolator(users, policy).prepare(asking(linux, user)).capabilities;
  t.deepEqual(given({}, 'root'), ['CHOWN', 'KILL']);
  t.deepEqual(given({ capabilities: { add: ['cap_net_admin'], drop: ['KILL'] } }, 'root'), ['CHOWN', 'NET_ADMIN']);
  t.deepEqual(given({ capabilities: { drop: ['ALL'], add: ['KILL'] } }, 'root'), ['KILL']);
  t.deepEqual(given({ capabilities: { add: ['ALL'] } }), ['NET_ADMIN'], 'a user of the host gets nothing that makes root of it');
  t.deepEqual(given({ userNamespace: true, capabilities: { add: ['CHOWN'] } }), ['CHOWN']);
  t.throws(() => given({ capabilities: { add: ['CHOWN'] } }), { message: /"CHOWN" is not among what this agent gives \(NET_ADMIN\)/ });
  t.throws(() => given({ capabilities: { add: ['SYS_ADMIN'] } }, 'root'), { message: /capabilities\.add: "SYS_ADMIN"/ });
  t.throws(() => given({ capabilities: { drop: ['FLY'] } }), { message: /capabilities\.drop: there is no capability "FLY"/ });
});

test('no_new_privs and seccomp: on, and off only where the operator allows it', (t) => {
  const gain = asking({ noNewPrivileges: false });
  t.true(noNewPrivilegesIsolator(true).prepare(asking({})).noNewPrivileges);
  t.false(noNewPrivilegesIsolator(true).prepare(gain).noNewPrivileges);
  t.throws(() => noNewPrivilegesIsolator(false).prepare(gain), { message: /^container\.linux\.noNewPrivileges:/ });

  const native = {
    defaultSeccomp: () => new Uint8Array(8),
    compileSeccomp: (profile: unknown) => {
      if (profile === '{}') throw new Error('no defaultAction');
      return new Uint8Array(16);
    },
  };
  const filter = (seccomp: string | undefined, allowUnconfined = false) =>
    seccompIsolator({ native, allowUnconfined, capabilitiesOf: () => [] }).prepare(asking(seccomp === undefined ? {} : { seccomp }));
  t.is(filter(undefined).seccomp?.length, 8);
  t.is(filter('default').seccomp?.length, 8);
  t.is(filter('{"defaultAction":"SCMP_ACT_ALLOW"}').seccomp?.length, 16);
  t.deepEqual(filter('unconfined', true), {});
  t.throws(() => filter('unconfined'), { message: /^container\.linux\.seccomp: this agent runs no task unconfined/ });
  t.throws(() => filter('{}'), { message: 'container.linux.seccomp: no defaultAction' });
});

test('rlimits: by name, bounded by what the kernel lets this agent give', (t) => {
  const ownLimits = (): string => 'Limit  Soft Limit  Hard Limit  Units\nMax open files  1024  20000  files\nMax stack size  8388608  unlimited  bytes\n';
  const isolator = (raise: boolean) => rlimitsIsolator({ mayRaise: () => raise, ownLimits });
  const give = (name: string, soft: number | 'unlimited', hard: number | 'unlimited', raise = false) =>
    isolator(raise).prepare(asking({ rlimits: [{ name, soft, hard }] })).rlimits;
  t.deepEqual(give('RLIMIT_NOFILE', 100, 20_000), { nofile: { soft: 100, hard: 20_000 } });
  t.deepEqual(give('stack', 'unlimited', 'unlimited'), { stack: { soft: null, hard: null } });
  t.deepEqual(give('nofile', 1, 'unlimited', true), { nofile: { soft: 1, hard: null } });
  t.throws(() => give('nofile', 1, 20_001), { message: /rlimits\[0\]\.hard: 20001 is above this agent's own hard limit 20000/ });
  t.throws(() => give('nofile', 1, 'unlimited'), { message: /hard: unlimited is above/ });
  t.throws(() => give('nofile', 2, 1), { message: /soft: must be at most the hard limit 1, got 2/ });
  t.throws(() => give('files', 1, 1), { message: /name: must be one of as, core/ });
  t.throws(() => give('nofile', 1.5, 2), { message: /soft: must be a whole number or "unlimited", got 1\.5/ });
  t.deepEqual(isolator(false).prepare(asking({})), {});
});

test('time: an offset, whole and not backwards', (t) => {
  t.deepEqual(timeIsolator().prepare(asking({ timeOffsetSeconds: 60 })), { namespaces: { time: { offsetSeconds: 60 } } });
  for (const bad of [-1, 1.5, 1e12]) t.throws(() => timeIsolator().prepare(asking({ timeOffsetSeconds: bad })), { message: /timeOffsetSeconds/ });
});

test('ranges of user ids: one each, found again after a restart, reused after the end, never two at once', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'proffer-ranges-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  const pool = userPool({ first: 10_000, size: 6000, each: 2000 });
  const ranges = new UserRanges(pool, directory);
  t.deepEqual([ranges.take('a'), ranges.take('b'), ranges.take('a')].map(({ first }) => first), [10_000, 12_000, 10_000]);
  const restarted = new UserRanges(pool, directory);
  t.is(restarted.take('b').first, 12_000);
  t.is(restarted.take('c').first, 14_000);
  t.throws(() => restarted.take('d'), { message: /all 3 ranges of user ids of this agent are taken/ });
  restarted.giveBack('a');
  t.is(restarted.take('d').first, 10_000);
  restarted.retain(new Set(['c']));
  t.deepEqual(readdirSync(directory), ['2']);

  const isolator = userNamespaceIsolator(restarted, users);
  t.deepEqual(isolator.prepare(asking({})), {}, 'not without an image, unless asked');
  const map = [{ inside: 0, outside: 10_000, count: 2000 }];
  t.deepEqual(isolator.prepare(asking({ userNamespace: true }, 'root')), { namespaces: { user: { uidMap: map, gidMap: map } } });
  t.throws(() => isolator.prepare(asking({ userNamespace: true })), { message: /"nobody" has the id 65534, and a container has 2000/ });
  await isolator.cleanup?.('one');
  t.deepEqual(readdirSync(directory), ['2']);
});

test('the pool of user ids: the operator\'s, root\'s subordinate ids, or high ones', (t) => {
  t.deepEqual(userPool({}, 'someone:1:1\nroot:100000:131072\n'), { first: 100_000, size: 131_072, each: 65_536 });
  t.deepEqual(userPool({}, ''), { first: 0x1000_0000, size: 0x1000_0000, each: 65_536 });
  t.is(userPool({ each: 2000 }, '').each, 2000);
  for (const bad of [{ first: 0 }, { each: 0 }, { size: 10 }, { first: 0xffff_0000 }]) {
    t.throws(() => userPool(bad, ''), { message: /^userNamespaces: must be/ }, JSON.stringify(bad));
  }
});
