import test from 'ava';
import { capabilityMask } from './capabilities.js';
import { encodeJoin, encodeLaunch } from './encode.js';
import { decodeMessage, MESSAGE_BYTES } from './message.js';
import { planLaunch } from './plan.js';
import { signalName, signalNumber } from './signals.js';
import type { Cgroup, LaunchSpec } from './types/index.js';

const spec: LaunchSpec = {
  id: 'web-1',
  runtimeDir: '/run/web-1',
  argv: ['grüße', ''],
  env: { A: '1' },
  user: { uid: 5, gid: 6, groups: [7] },
  namespaces: { pid: true, mount: true, cgroup: true },
  mounts: [
    { type: 'proc' },
    { type: 'bind', source: '/a' },
    { type: 'dev' },
    { type: 'tmpfs', target: '/t', sizeBytes: 2 ** 40, mode: 0o1777, executable: false },
  ],
  limits: { nofile: { soft: 10, hard: null } },
  oomScoreAdj: -5,
  logs: { directory: '/log' },
  cgroup: { directories: ['/sys/fs/cgroup/x'] } as unknown as Cgroup,
};

/** Reads as launcher/spec.cc does. */
class Reader {
  #at = 0;
  readonly #bytes: Buffer;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  number(): number {
    this.#at += 4;
    return this.#bytes.readUInt32LE(this.#at - 4);
  }

  large(): bigint {
    this.#at += 8;
    return this.#bytes.readBigUInt64LE(this.#at - 8);
  }

  text(): string {
    const length = this.number();
    const text = this.#bytes.toString('utf8', this.#at, this.#at + length);
    if (this.#bytes[this.#at + length] !== 0) throw new Error('a text must end with a zero');
    this.#at += length + 1;
    return text;
  }

  list<Item>(read: () => Item): Item[] {
    return Array.from({ length: this.number() }, read);
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }
}

function readTask(reader: Reader): object {
  return {
    magic: reader.number(), mode: reader.number(),
    argv: reader.list(() => reader.text()), env: reader.list(() => reader.text()), cwd: reader.text(),
    ids: [reader.number(), reader.number()], groups: reader.list(() => reader.number()),
    capabilities: reader.large(), noNewPrivileges: reader.number(), umask: reader.number(),
    oom: [reader.number(), reader.number() | 0],
    limits: reader.list(() => [reader.number(), reader.large(), reader.large()]),
    cgroups: reader.list(() => reader.text()), cgroupNamespace: reader.number(),
    seccomp: reader.list(() => reader.large()),
  };
}

test('a launch is encoded field by field with every default filled in', (t) => {
  const { task, launch } = planLaunch(spec);
  const reader = new Reader(encodeLaunch(task, launch));
  t.deepEqual(readTask(reader), {
    magic: 0x5052_4f31, mode: 1, argv: ['grüße', ''], env: ['A=1'], cwd: '/', ids: [5, 6], groups: [7], capabilities: 0n,
    noNewPrivileges: 1, umask: 0o022, oom: [1, -5], limits: [[7, 10n, 2n ** 64n - 1n]], cgroups: ['/sys/fs/cgroup/x'],
    cgroupNamespace: 1, seccomp: [],
  });
  t.is(reader.text(), '/run/web-1');
  const head: unknown = JSON.parse(`${reader.text()}}`);
  t.like(head, { version: 1, id: 'web-1', namespaces: ['mount', 'cgroup', 'pid'], cgroups: ['/sys/fs/cgroup/x'] });
  t.is(reader.large(), 0x2002_0000n, 'pid and mount: the cgroup namespace is the affair of the task');
  t.deepEqual([reader.list(() => 0), reader.list(() => 0)], [[], []]);
  t.deepEqual([reader.text(), reader.text(), reader.number()], ['', '/', 0]);
  const overlay = (): unknown[] => [reader.text(), reader.list(() => reader.text()), reader.text(), reader.text()];
  const none = ['', [], '', ''];
  t.deepEqual(overlay(), none);
  const mount = (): unknown[] => [
    reader.number(), reader.text(), reader.text(), reader.number(), reader.number(), reader.large(), reader.number(),
    reader.number(), reader.number(), reader.number(), reader.text(), reader.number(), reader.number(), overlay(),
  ];
  /** Not shifted, private, no content, of root, no layers. */
  const rest = [0, 0, '', 0, 0, none];
  const size = 64n << 20n;
  t.deepEqual(reader.list(mount), [
    [3, '/proc', '', 0, 0, size, 0o755, 1, ...rest],
    [1, '/a', '/a', 0, 0, size, 0o755, 1, ...rest],
    [4, '/dev', '', 0, 0, size, 0o755, 1, ...rest],
    [2, '/t', '', 0, 0, 2n ** 40n, 0o1777, 0, ...rest],
  ]);
  t.deepEqual(reader.list(() => reader.text()), []);
  t.true(reader.list(() => reader.text()).includes('/proc/kcore'), 'masked by default with a proc mount');
  t.true(reader.list(() => reader.text()).includes('/proc/sys'));
  t.deepEqual([reader.text(), reader.large(), reader.number()], ['/log', 10n << 20n, 2]);
  t.deepEqual([reader.list(() => 0), reader.number()], [[], 0]);
  t.deepEqual([reader.number(), reader.large(), reader.number(), reader.text()], [0, 0n, 0, ''], 'no clock, owners or network of its own');
  const streams = [reader.number(), reader.number(), reader.number(), reader.number(), reader.number(), reader.left];
  t.deepEqual(streams, [0, 0, 0, 0, 0, 0], 'streams come last');
});

test('a join, and payloads beyond the first buffer', (t) => {
  const { task } = planLaunch({ ...spec, argv: ['x'.repeat(10_000)] });
  const join = { initPid: 7, initStartTime: 2 ** 40, namespaces: ['pid', 'cgroup'], timeoutMs: 8, captureBytes: 9,
    streams: { attach: true, input: false, terminal: { columns: 80, rows: 24 } } } as const;
  const reader = new Reader(encodeJoin(task, join));
  t.like(readTask(reader), { mode: 2, argv: ['x'.repeat(10_000)] });
  const rest = [reader.number(), reader.large(), reader.large(), reader.number(), reader.large()];
  t.deepEqual(rest, [7, 2n ** 40n, 0x2000_0000n, 8, 9n]);
  const streams = [reader.number(), reader.number(), reader.number(), reader.number(), reader.number(), reader.left];
  t.deepEqual(streams, [1, 0, 1, 80, 24, 0], 'streams come last');
});

test('messages of the launcher are read; anything else is not taken for one', (t) => {
  const bytes = Buffer.alloc(MESSAGE_BYTES);
  t.is(decodeMessage(bytes), undefined);
  t.is(decodeMessage(bytes.subarray(1)), undefined);
  bytes.writeUInt32LE(2, 4);
  bytes.writeInt32LE(2, 8);
  bytes.write('exec', 80);
  bytes.write('execve', 144);
  bytes.write('/x', 176);
  t.deepEqual(decodeMessage(bytes), { kind: 'failed', failure: { errno: 2, step: 'exec', syscall: 'execve', path: '/x' } });
  bytes.writeUInt32LE(3, 4);
  bytes.writeInt32LE(0x0300, 12);
  t.deepEqual(decodeMessage(bytes), { kind: 'ended', code: 3, signal: null, timedOut: false });
  bytes.writeInt32LE(0x89, 12);
  bytes.writeUInt32LE(1, 72);
  t.deepEqual(decodeMessage(bytes), { kind: 'ended', code: null, signal: 9, timedOut: true });
});

test('names of signals and capabilities', (t) => {
  t.deepEqual([signalName(9), signalName(42), signalNumber('SIGTERM'), signalNumber(64)], ['SIGKILL', 'SIG42', 15, 64]);
  for (const bad of [0, 65, 1.5, 'TERM', '9']) t.throws(() => signalNumber(bad), { message: /expected a name such as SIGTERM/ });
  t.is(capabilityMask(['CHOWN', 'CHECKPOINT_RESTORE']), (1n << 40n) | 1n);
});
