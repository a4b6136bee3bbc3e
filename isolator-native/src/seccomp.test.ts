import test from 'ava';
import { callTables } from './seccomp-calls.js';
import { ALLOW, fail, KILL_PROCESS, SeccompProgram } from './seccomp-program.js';
import { assembleDefault, compileSeccomp, defaultSeccomp, refusedCalls } from './seccomp.js';
import type { IsolatorError } from './types/errors.js';

interface Call {
  readonly architecture: number;
  readonly number: number;
  readonly first?: number;
}

/** What the kernel would do with a program: the few instructions that ours use. */
function judge(program: Uint8Array, { architecture, number, first = 0 }: Call): number {
  const view = Buffer.from(program);
  let loaded = 0;
  for (let at = 0; ; at += 8) {
    const [code, yes, no, value] = [view.readUInt16LE(at), view[at + 2]!, view[at + 3]!, view.readUInt32LE(at + 4)];
    if (code === 0x06) return value;
    if (code === 0x20) loaded = { 0: number, 4: architecture, 16: first }[value] ?? 0;
    else {
      const holds = code === 0x15 ? loaded === value : code === 0x25 ? loaded > value : (loaded & value) !== 0;
      at += 8 * (holds ? yes : no);
    }
  }
}

for (const machine of ['x64', 'arm64']) {
  test(`the default filter on ${machine}: what is refused, what is not there, what passes`, (t) => {
    const { architecture, numbers, foreignFrom } = callTables[machine]!;
    const program = assembleDefault(new Set(), machine);
    const of = (number: number, first?: number) => judge(program, { architecture, number, ...(first === undefined ? {} : { first }) });
    for (const name of refusedCalls(new Set())) if (numbers[name] !== undefined) t.is(of(numbers[name]), fail(1), name);
    const named = new Set(Object.values(numbers));
    for (let number = 0; number <= 469; number++) if (!named.has(number)) t.is(of(number), ALLOW, String(number));
    t.is(of(470), fail(38));
    t.is(of(numbers['clone3']!), fail(38));
    for (const flag of [0x2_0000, 0x200_0000, 0x400_0000, 0x800_0000, 0x1000_0000, 0x2000_0000, 0x4000_0000]) {
      t.is(of(numbers['clone']!, flag | 17), fail(1));
    }
    t.is(of(numbers['clone']!, 0x3d_0f00), ALLOW, 'threads');
    t.is(of(numbers['socket']!, 40), fail(1));
    t.is(of(numbers['socket']!, 2), ALLOW);
    t.is(of(numbers['personality']!, 0), ALLOW);
    t.is(of(numbers['personality']!, 0x4_0000), fail(1), 'no address randomization');
    t.is(judge(program, { architecture: 1, number: 0 }), KILL_PROCESS);
    if (foreignFrom !== undefined) t.is(of(foreignFrom + 1), KILL_PROCESS);
    const admin = assembleDefault(new Set(['SYS_ADMIN']), machine);
    for (const name of ['mount', 'unshare', 'clone3']) t.is(judge(admin, { architecture, number: numbers[name]! }), ALLOW);
    t.is(judge(admin, { architecture, number: numbers['keyctl']! }), fail(1));
  });
}

test('programs are kept; other machines and jumps that lead nowhere are refused', (t) => {
  t.is(defaultSeccomp({ capabilities: ['KILL', 'CHOWN'] }), defaultSeccomp({ capabilities: ['CHOWN', 'KILL'] }));
  t.throws(() => assembleDefault(new Set(), 'riscv64'), { code: 'ENOTSUP' });
  t.throws(() => new SeccompProgram().jump('equal', 1, { yes: 'nowhere' }).assemble(), { message: /nowhere/ });
});

test('every fault of a profile is named', (t) => {
  const rule = { names: ['read'], action: 'SCMP_ACT_ALLOW' };
  const faults: readonly (readonly [profile: unknown, field: string])[] = [
    ['{', 'seccomp'],
    [[], 'seccomp'],
    [{}, 'seccomp.defaultAction'],
    [{ defaultAction: 'SCMP_ACT_TRACE' }, 'seccomp.defaultAction'],
    [{ defaultAction: 'toString' }, 'seccomp.defaultAction'],
    [{ defaultAction: 'SCMP_ACT_ALLOW', extra: 1 }, 'seccomp.extra'],
    [{ defaultAction: 'SCMP_ACT_ALLOW', defaultErrnoRet: 5000 }, 'seccomp.defaultErrnoRet'],
    [{ defaultAction: 'SCMP_ACT_ERRNO', syscalls: [{ ...rule, action: 'SCMP_ACT_NOTIFY' }] }, 'seccomp.syscalls[0].action'],
    [{ defaultAction: 'SCMP_ACT_ERRNO', syscalls: [{ ...rule, names: 'read' }] }, 'seccomp.syscalls[0].names'],
    [{ defaultAction: 'SCMP_ACT_ERRNO', syscalls: [{ ...rule, includes: { minKernel: 5 } }] }, 'seccomp.syscalls[0].includes.minKernel'],
    [
      { defaultAction: 'SCMP_ACT_ERRNO', syscalls: [{ ...rule, args: [{ index: 6, value: 0, op: 'SCMP_CMP_EQ' }] }] },
      'seccomp.syscalls[0].args[0].index',
    ],
    [
      { defaultAction: 'SCMP_ACT_ERRNO', syscalls: [{ ...rule, args: [{ index: 0, value: 0, op: '==' }] }] },
      'seccomp.syscalls[0].args[0].op',
    ],
  ];
  for (const [profile, field] of faults) {
    const text = typeof profile === 'string' ? profile : JSON.stringify(profile);
    const error = t.throws<IsolatorError>(() => compileSeccomp(text, { capabilities: [] }), { code: 'INVALID_SPEC' }, text);
    t.is(error?.path, field, text);
  }
});
