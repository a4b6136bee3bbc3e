import { createHash } from 'node:crypto';
import { arch } from 'node:process';
import { alwaysRefused, callTables, NEWEST_CALL, refusedWithout } from './seccomp-calls.js';
import { compileProfile } from './seccomp-profile.js';
import { ALLOW, argument, ARCHITECTURE, fail, KILL_PROCESS, NUMBER, SeccompProgram } from './seccomp-program.js';
import { IsolatorError } from './types/errors.js';
import type { SeccompProfile, SeccompSurroundings } from './types/index.js';

const EPERM = 1;
const ENOSYS = 38;
/** CLONE_NEWTIME is left out: clone has no bit for it. NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET. */
const NAMESPACE_FLAGS = 0x7e02_0000;
/** Linux, 32-bit addresses, either with the kernel's old version numbers; and "tell me". Others switch protections off. */
const PERSONALITIES = [0x0, 0x8, 0x2_0000, 0x2_0008, 0xffff_ffff];
/** Sockets between a virtual machine and its host. */
const AF_VSOCK = 40;

/** Programs are kept: profiles are few, and each costs milliseconds to compile. */
const KEPT_MAX = 64;
const kept = new Map<string, Uint8Array>();

/**
 * The usual filter of containers as a BPF program: refuses (EPERM) what reaches the machine or another container and what
 * a task without the capability for it could only abuse; clone3, whose flags a filter cannot see, and calls newer than
 * this library do not exist (ENOSYS); calls of another architecture end the process. Throws `ENOTSUP` on other machines
 * than x86-64 and arm64.
 */
export function defaultSeccomp({ capabilities }: SeccompSurroundings): Uint8Array {
  return keep(`default ${[...capabilities].sort().join()}`, () => assembleDefault(new Set(capabilities)));
}

/**
 * A profile in container engines' JSON format as a BPF program, by libseccomp. Throws `INVALID_SPEC` naming what is wrong in
 * the profile, and `ENOTSUP` where this library was built without libseccomp.
 */
export function compileSeccomp(profile: SeccompProfile, { capabilities }: SeccompSurroundings): Uint8Array {
  const text = typeof profile === 'string' ? profile : JSON.stringify(profile);
  const key = `${createHash('sha256').update(text).digest('hex')} ${[...capabilities].sort().join()}`;
  return keep(key, () => compileProfile(text, capabilities));
}

/** The one used longest ago goes first. */
function keep(key: string, make: () => Uint8Array): Uint8Array {
  const program = kept.get(key) ?? make();
  kept.delete(key);
  kept.set(key, program);
  for (const oldest of kept.keys()) {
    if (kept.size <= KEPT_MAX) break;
    kept.delete(oldest);
  }
  return program;
}

/** The calls, by name, that {@link defaultSeccomp} refuses with EPERM whatever their arguments. */
export function refusedCalls(capabilities: ReadonlySet<string>): string[] {
  const guarded = Object.entries(refusedWithout).flatMap(([capability, names]) => (capabilities.has(capability) ? [] : names));
  return [...alwaysRefused, ...guarded];
}

/** Exported for tests of another machine's program. */
export function assembleDefault(capabilities: ReadonlySet<string>, machine: string = arch): Uint8Array {
  const table = callTables[machine];
  if (table === undefined) {
    throw new IsolatorError(`seccomp: ENOTSUP, no default filter for ${machine}; run this task unconfined`, {
      code: 'ENOTSUP', errno: 95, step: 'make seccomp filter',
    });
  }
  const { numbers } = table;
  const mayMakeNamespaces = capabilities.has('SYS_ADMIN');
  const program = new SeccompProgram().load(ARCHITECTURE).jump('equal', table.architecture, { no: 'kill' }).load(NUMBER);
  if (table.foreignFrom !== undefined) program.jump('greater', table.foreignFrom - 1, { yes: 'kill' });
  program.jump('greater', NEWEST_CALL, { yes: 'missing' });
  if (!mayMakeNamespaces) program.jump('equal', numbers['clone3']!, { yes: 'missing' });
  for (const name of refusedCalls(capabilities)) {
    const number = numbers[name];
    if (number !== undefined) program.jump('equal', number, { yes: 'refuse' });
  }
  if (!mayMakeNamespaces) {
    program.jump('equal', numbers['clone']!, { no: 'other than clone' });
    program.load(argument(0)).jump('anyBit', NAMESPACE_FLAGS, { yes: 'refuse', no: 'allow' }).label('other than clone');
  }
  program.jump('equal', numbers['socket']!, { no: 'other than socket' });
  program.load(argument(0)).jump('equal', AF_VSOCK, { yes: 'refuse', no: 'allow' }).label('other than socket');
  program.jump('equal', numbers['personality']!, { no: 'allow' }).load(argument(0));
  for (const personality of PERSONALITIES) program.jump('equal', personality, { yes: 'allow' });
  program.label('refuse').end(fail(EPERM));
  program.label('allow').end(ALLOW);
  program.label('missing').end(fail(ENOSYS));
  return program.label('kill').end(KILL_PROCESS).assemble();
}
