import { existsSync, readFileSync } from 'node:fs';
import { arch, execPath } from 'node:process';
import test from 'ava';
import { callTables } from './seccomp-calls.js';
import { compileSeccomp, defaultSeccomp, refusedCalls } from './seccomp.js';
import { allNamespaces, Box, isRoot, rootTitle, usualMounts } from './testing/box.js';
import type { Teardown } from './testing/box.js';
import type { LaunchSpec } from './types/index.js';

const rootTest = isRoot ? test.serial : test.skip;
const numbers = callTables[arch]!.numbers;
const withLibrary = compilesProfiles();
const libraryTest = isRoot && withLibrary ? test.serial : test.skip;
const libraryTitle = (title: string): string =>
  withLibrary ? rootTitle(title) : `${title} (skipped: built without libseccomp; as root on Debian: apt-get install libseccomp-dev)`;

function compilesProfiles(): boolean {
  try {
    return compileSeccomp({ defaultAction: 'SCMP_ACT_ALLOW' }, { capabilities: [] }).length > 0;
  } catch {
    return false;
  }
}

/** All rights that this process has itself: whatever fails with EPERM then was refused by the filter. */
function everyRight(): string[] {
  const mask = BigInt(`0x${/CapEff:\s*(\S+)/.exec(readFileSync('/proc/self/status', 'utf8'))![1]!}`);
  return ['SYS_ADMIN', 'SYS_MODULE', 'SYS_BOOT', 'SYS_TIME', 'SYS_PTRACE', 'SYS_NICE', 'SYSLOG', 'BPF', 'PERFMON', 'SYS_PACCT']
    .filter((name) => ((mask >> BigInt({ SYS_ADMIN: 21, SYS_MODULE: 16, SYS_BOOT: 22, SYS_TIME: 25, SYS_PTRACE: 19, SYS_NICE: 23,
      SYSLOG: 34, BPF: 39, PERFMON: 38, SYS_PACCT: 20 }[name]!)) & 1n) === 1n);
}

async function run(t: Teardown, script: string, more: Partial<LaunchSpec>): Promise<{ text: string; code: number | string | null }> {
  const box = new Box();
  t.teardown(() => box.remove());
  const mounts = [...usualMounts];
  const spec = box.shell(script, { namespaces: allNamespaces, root: { path: '/' }, mounts, ...more });
  const { status, stdout, stderr } = await box.run(spec);
  return { text: `${stdout}${stderr}`, code: status.kind === 'exited' ? (status.code ?? status.signal) : status.reason };
}

/** A shell command that makes system calls, `[number, ...arguments]` each, and prints their errnos. */
function calls(list: readonly (readonly number[])[]): string {
  const program = [
    'import ctypes',
    'libc = ctypes.CDLL(None, use_errno=True)',
    `for call in ${JSON.stringify(list)}:`,
    '  ctypes.set_errno(0)',
    '  arguments = [ctypes.c_long(number) for number in (call + [0] * 7)[:7]]',
    '  libc.syscall(*arguments)',
    '  print(ctypes.get_errno())',
  ];
  return `exec python3 -c '${program.join('\n')}'`;
}

const EPERM = '1';
const EFAULT = '14';
const ENOSYS = '38';
const root = { uid: 0, gid: 0 };

rootTest(rootTitle('the default filter refuses each call of its list, whatever rights the task has'), async (t) => {
  const capabilities = everyRight();
  const seccomp = defaultSeccomp({ capabilities: [] });
  const names = refusedCalls(new Set()).filter((name) => numbers[name] !== undefined);
  t.true(names.length > 50);
  const list = names.map((name) => [numbers[name]!]);
  const { text } = await run(t, calls(list), { user: root, capabilities, seccomp });
  const errnos = text.trim().split('\n');
  t.deepEqual(names.filter((_, index) => errnos[index] !== EPERM), []);

  const NEWUSER = 0x1000_0000;
  const special = [
    [numbers['clone3']!], [500], [numbers['clone']!, NEWUSER], [numbers['personality']!, 0x4_0000], [numbers['socket']!, 40, 1],
    [numbers['personality']!, 0xffff_ffff],
  ];
  const more = await run(t, calls(special), { user: root, capabilities, seccomp });
  t.deepEqual(more.text.trim().split('\n'), [ENOSYS, ENOSYS, EPERM, EPERM, EPERM, '0']);

  // The same without a filter: it is the filter that refuses.
  const open = await run(t, calls([[numbers['mount']!, 1, 1, 1], [numbers['umount2']!, 1]]), { user: root, capabilities });
  t.deepEqual(open.text.trim().split('\n'), [EFAULT, EFAULT]);
  // Who has the capability gets past the filter.
  const admin = await run(t, calls([[numbers['mount']!, 1, 1, 1]]), {
    user: root, capabilities, seccomp: defaultSeccomp({ capabilities }),
  });
  t.is(admin.text.trim(), EFAULT);
});

rootTest(rootTitle('calls of another architecture end the process; without no_new_privs the filter holds too'), async (t) => {
  const seccomp = defaultSeccomp({ capabilities: [] });
  const keyctl = calls([[numbers['keyctl']!, 0, 0]]);
  t.is((await run(t, keyctl, { seccomp, noNewPrivileges: false })).text.trim(), EPERM);
  t.is((await run(t, 'grep Seccomp: /proc/self/status', { seccomp })).text.trim(), 'Seccomp:\t2');
  if (arch === 'x64') t.is((await run(t, calls([[0x4000_0000 + 39]]), { seccomp })).code, 'SIGSYS');
});

rootTest(rootTitle('ordinary programs run under the default filter'), async (t) => {
  const seccomp = defaultSeccomp({ capabilities: [] });
  const programs: Readonly<Record<string, string>> = {
    node: `${execPath} -e 'require("child_process").execSync("true"); new (require("worker_threads").Worker)("1", { eval: true })'`,
    python3: "python3 -c 'import threading, subprocess; threading.Thread(target=print).start(); subprocess.run([\"true\"])'",
    busybox: 'busybox sh -c "busybox ls / | busybox wc -l"',
    gcc: 'cd /tmp && echo "int main(){return 0;}" > a.c && gcc a.c -o a && ./a',
  };
  for (const [name, script] of Object.entries(programs)) {
    if (!['/usr/bin', '/bin'].some((directory) => existsSync(`${directory}/${name}`)) && name !== 'node') continue;
    const { text, code } = await run(t, script, { seccomp });
    t.is(code, 0, `${name}: ${text}`);
  }
});

libraryTest(libraryTitle('profiles in container engines\' format are compiled and hold'), async (t) => {
  const profile = {
    defaultAction: 'SCMP_ACT_ALLOW',
    archMap: [{ architecture: 'SCMP_ARCH_X86_64', subArchitectures: ['SCMP_ARCH_X86', 'SCMP_ARCH_X32'] }],
    syscalls: [
      { names: ['mkdir', 'mkdirat', 'no_such_call'], action: 'SCMP_ACT_ERRNO', errnoRet: 28 },
      { names: ['sethostname'], action: 'SCMP_ACT_ERRNO', excludes: { caps: ['CAP_SYS_ADMIN'] } },
      { names: ['chdir'], action: 'SCMP_ACT_ERRNO', includes: { minKernel: '99.0' } },
      { names: ['personality'], action: 'SCMP_ACT_ERRNO', errnoRet: 5, args: [{ index: 0, value: 8, op: 'SCMP_CMP_EQ' }] },
    ],
  };
  const capabilities = everyRight();
  const script = 'mkdir /tmp/x; cd /tmp && echo moved; hostname other && echo named';
  const guarded = await run(t, script, { user: root, seccomp: compileSeccomp(profile, { capabilities: [] }) });
  t.regex(guarded.text, /No space left on device/);
  t.regex(guarded.text, /moved/);
  t.notRegex(guarded.text, /named/);
  const namespaces = { ...allNamespaces };
  const admin = await run(t, script, { user: root, capabilities, namespaces, seccomp: compileSeccomp(profile, { capabilities }) });
  t.regex(admin.text, /named/);
  const five = await run(t, calls([[numbers['personality']!, 8], [numbers['personality']!, 0xffff_ffff]]), {
    seccomp: compileSeccomp(profile, { capabilities: [] }),
  });
  t.deepEqual(five.text.trim().split('\n'), ['5', '0']);
  t.is(compileSeccomp(profile, { capabilities }), compileSeccomp(profile, { capabilities }), 'compiled once');
});
