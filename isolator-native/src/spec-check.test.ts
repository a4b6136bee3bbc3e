import test from 'ava';
import { checkLaunchSpec } from './spec-check.js';
import type { IsolatorError, LaunchSpec } from './types/index.js';

const least: LaunchSpec = { id: 'web-1', runtimeDir: '/run/web-1', argv: ['true'] };

/** Uses every field there is. */
const full: LaunchSpec = {
  ...least,
  env: { PATH: '/bin', EMPTY: '' },
  cwd: '/tmp',
  user: { uid: 1, gid: 0xffff_fffe, groups: [1, 2] },
  namespaces: {
    pid: true, mount: true, uts: true, ipc: true, cgroup: true,
    user: { uidMap: [{ inside: 0, outside: 1000, count: 1 }], gidMap: [{ inside: 0, outside: 1000, count: 1 }] },
  },
  hostname: 'web-1',
  root: { path: '/', writable: false },
  mounts: [
    { type: 'proc' },
    { type: 'dev', shmSizeBytes: 1 },
    { type: 'tmpfs', target: '/tmp', sizeBytes: 1, mode: 0o1777, executable: false },
    { type: 'bind', source: '/a', target: '/b', writable: true, recursive: true },
  ],
  hiddenPaths: ['/secret'],
  maskedPaths: [],
  readonlyPaths: [],
  capabilities: ['NET_RAW'],
  noNewPrivileges: false,
  limits: { nofile: { soft: 1, hard: 2 }, core: { soft: 0, hard: null }, stack: { soft: null, hard: null } },
  umask: 0o777,
  oomScoreAdj: -1000,
  logs: { directory: '/log', maxFileBytes: 1024, maxFiles: 1 },
  ownInit: true,
};

test('a spec with every field, and one with the fewest, pass', (t) => {
  t.notThrows(() => checkLaunchSpec(least));
  t.notThrows(() => checkLaunchSpec(full));
  t.notThrows(() => checkLaunchSpec({ ...least, env: undefined } as unknown as LaunchSpec));
});

/** The change, the field that must be named, and a part of what is said about it. */
const faults: readonly (readonly [object, string, RegExp])[] = [
  [{ id: '' }, 'id', /1 to 128 letters/],
  [{ id: 'a/b' }, 'id', /got "a\/b"/],
  [{ id: undefined }, 'id', /got nothing/],
  [{ runtimeDir: 'run' }, 'runtimeDir', /an absolute path, got "run"/],
  [{ runtimeDir: '/a\0b' }, 'runtimeDir', /an absolute path/],
  [{ runtimeDir: `/${'x'.repeat(4096)}` }, 'runtimeDir', /an absolute path/],
  [{ argv: [] }, 'argv', /a program first, got \[\]/],
  [{ argv: [''] }, 'argv', /a program first/],
  [{ argv: 'true' }, 'argv', /an array, got "true"/],
  [{ argv: ['sh', 1] }, 'argv[1]', /text without zero bytes, got 1/],
  [{ argv: ['sh', 'a\0b'] }, 'argv[1]', /text without zero bytes/],
  [{ env: [] }, 'env', /an object of texts/],
  [{ env: { 'A=B': 'x' } }, 'env', /variable names without "=".*"A=B"/],
  [{ env: { A: 1 } }, 'env.A', /text .* got 1/],
  [{ cwd: '.' }, 'cwd', /absolute/],
  [{ user: { uid: 0 } }, 'user.gid', /got nothing/],
  [{ user: { uid: -1, gid: 0 } }, 'user.uid', /an integer from 0 to 4294967294, got -1/],
  [{ user: { uid: 0xffff_ffff, gid: 0 } }, 'user.uid', /got 4294967295/],
  [{ user: { uid: 0, gid: 0, groups: ['wheel'] } }, 'user.groups[0]', /got "wheel"/],
  [{ user: 'nobody' }, 'user', /an object, got "nobody"/],
  [{ namespaces: { net: true } }, 'namespaces.net', /one of the fields pid, mount, /],
  [{ namespaces: { pid: 1 } }, 'namespaces.pid', /true or false, got 1/],
  [{ namespaces: { user: true } }, 'namespaces.user', /an object, got true/],
  [{ namespaces: { user: { uidMap: [], gidMap: [] } } }, 'namespaces.user.uidMap', /1 to 340 mappings/],
  [
    { namespaces: { user: { uidMap: [{ inside: 0, outside: 0, count: 0 }], gidMap: [] } } },
    'namespaces.user.uidMap[0].count',
    /from 1 to/,
  ],
  [{ hostname: 'a b' }, 'hostname', /letters, digits/],
  [{ namespaces: { mount: true, pid: true } }, 'hostname', /namespaces\.uts to be true with it/],
  [{ namespaces: { mount: true, uts: true } }, 'ownInit', /namespaces\.pid/],
  [{ namespaces: { pid: true, uts: true } }, 'root', /namespaces\.mount/],
  [{ namespaces: { mount: true, uts: true }, ownInit: false }, 'mounts[0]', /namespaces\.pid to be true with a proc mount/],
  [{ root: {} }, 'root.path', /got nothing/],
  [{ root: { path: 'x' } }, 'root.path', /absolute/],
  [{ mounts: [{}] }, 'mounts[0].type', /one of bind, tmpfs, proc, dev, .*, got nothing/],
  [{ mounts: [{ type: 'constructor' }] }, 'mounts[0].type', /got "constructor"/],
  [{ mounts: [{ type: 'proc' }, { type: 'bind' }] }, 'mounts[1].source', /got nothing/],
  [{ mounts: [{ type: 'tmpfs', target: 'tmp' }] }, 'mounts[0].target', /an absolute path, got "tmp"/],
  [{ mounts: [{ type: 'tmpfs', target: '/tmp', sizeBytes: 0.5 }] }, 'mounts[0].sizeBytes', /at least 1, got 0\.5/],
  [{ mounts: [{ type: 'tmpfs', target: '/tmp', mode: 0o10000 }] }, 'mounts[0].mode', /from 0 to 4095/],
  [{ mounts: [{ type: 'tmpfs', target: '/tmp', source: '/x' }] }, 'mounts[0].source', /one of the fields type, target, /],
  [{ hiddenPaths: ['/a', 'b'] }, 'hiddenPaths[1]', /absolute/],
  [{ maskedPaths: [1] }, 'maskedPaths[0]', /absolute/],
  [{ readonlyPaths: '/a' }, 'readonlyPaths', /an array/],
  [{ capabilities: ['CAP_NET_RAW'] }, 'capabilities[0]', /such as NET_BIND_SERVICE, got "CAP_NET_RAW"/],
  [{ noNewPrivileges: 'yes' }, 'noNewPrivileges', /true or false/],
  [{ limits: { files: { soft: 1, hard: 1 } } }, 'limits.files', /one of the fields cpu, /],
  [{ limits: { nofile: { soft: 1 } } }, 'limits.nofile.hard', /got nothing/],
  [{ limits: { nofile: { soft: 3, hard: 2 } } }, 'limits.nofile.soft', /at most the hard limit 2, got 3/],
  [{ limits: { nofile: { soft: null, hard: 2 } } }, 'limits.nofile.soft', /got "unlimited"/],
  [{ umask: 0o1000 }, 'umask', /from 0 to 511/],
  [{ oomScoreAdj: 1001 }, 'oomScoreAdj', /from -1000 to 1000/],
  [{ logs: {} }, 'logs.directory', /got nothing/],
  [{ logs: { directory: '/x', maxFileBytes: 1023 } }, 'logs.maxFileBytes', /at least 1024, got 1023/],
  [{ logs: { directory: '/x', maxFiles: 0 } }, 'logs.maxFiles', /from 1 to 1000, got 0/],
  [{ cgroup: '/sys/fs/cgroup/x' }, 'cgroup', /openCgroupTree/],
  [{ monitorCgroup: { directories: ['x'] } }, 'monitorCgroup.directories[0]', /absolute/],
  [{ ownInit: 'no' }, 'ownInit', /true or false/],
  [{ command: 'true' }, 'command', /one of the fields/],
  [{ toString: 1 }, 'toString', /one of the fields/],
];

test('every bad field is named, with what was expected and what came', (t) => {
  for (const [change, field, words] of faults) {
    const text = JSON.stringify(change);
    const error = t.throws<IsolatorError>(() => checkLaunchSpec({ ...full, ...change }), { code: 'INVALID_SPEC' }, text);
    t.is(error?.path, field, text);
    t.true(error?.message.startsWith(`spec.${field}: expected `), error?.message);
    t.regex(error?.message ?? '', words);
  }
  const nothing = undefined as unknown as LaunchSpec;
  t.throws(() => checkLaunchSpec(nothing), { code: 'INVALID_SPEC', message: /an object, got nothing/ });
});
