import { release } from 'node:os';
import { arch } from 'node:process';
import { checkInteger, checkList, checkObject, checkText, invalid } from './field.js';
import { native } from './native.js';

/** A rule that holds here, as the addon gives it to libseccomp. */
interface Rule {
  readonly names: readonly string[];
  readonly action: number;
  readonly args: readonly { readonly index: number; readonly op: number; readonly value: bigint; readonly valueTwo: bigint }[];
}

interface SeccompFunctions {
  /** Throws `ENOTSUP` where the addon was built without libseccomp. */
  compileSeccomp(defaultAction: number, architectures: readonly string[], rules: readonly Rule[]): Uint8Array;
}

interface Condition {
  readonly caps?: readonly string[];
  readonly arches?: readonly string[];
  readonly minKernel?: string;
}

interface ProfileRule {
  readonly name?: string;
  readonly names?: readonly string[];
  readonly action: string;
  readonly errnoRet?: number;
  readonly args?: readonly { index: number; value: number; valueTwo?: number; op: string }[] | null;
  readonly includes?: Condition | null;
  readonly excludes?: Condition | null;
}

interface Profile {
  readonly defaultAction: string;
  readonly defaultErrnoRet?: number;
  readonly architectures?: readonly string[] | null;
  readonly archMap?: readonly { readonly architecture: string; readonly subArchitectures?: readonly string[] | null }[] | null;
  readonly syscalls?: readonly ProfileRule[] | null;
}

/** The field of a profile in messages. */
const PLACE = 'seccomp';
const PROFILE_BYTES_MAX = 1 << 20;
const ERRNO_MAX = 4095;
const EPERM = 1;
const ARGUMENT_MAX = 5;

/** SECCOMP_RET_*; those that need somebody who listens are not among them. */
const actions: Readonly<Record<string, number>> = {
  SCMP_ACT_ALLOW: 0x7fff_0000, SCMP_ACT_LOG: 0x7ffc_0000, SCMP_ACT_ERRNO: 0x0005_0000, SCMP_ACT_TRAP: 0x0003_0000,
  SCMP_ACT_KILL: 0, SCMP_ACT_KILL_THREAD: 0, SCMP_ACT_KILL_PROCESS: 0x8000_0000,
};

/** `enum scmp_compare`. */
const operators: Readonly<Record<string, number>> = {
  SCMP_CMP_NE: 1, SCMP_CMP_LT: 2, SCMP_CMP_LE: 3, SCMP_CMP_EQ: 4, SCMP_CMP_GE: 5, SCMP_CMP_GT: 6, SCMP_CMP_MASKED_EQ: 7,
};

/** This machine in a profile's words: of its conditions, and of libseccomp. */
const machine = { x64: ['amd64', 'SCMP_ARCH_X86_64'], arm64: ['arm64', 'SCMP_ARCH_AARCH64'] }[arch as string] ?? [arch, ''];

/** Checks a profile's text, keeps the rules that hold for these capabilities on this machine, and has them compiled. */
export function compileProfile(text: string, capabilities: readonly string[]): Uint8Array {
  const profile = parse(text);
  const defaultAction = actionOf(`${PLACE}.defaultAction`, profile.defaultAction, profile.defaultErrnoRet);
  const mine = profile.archMap?.find(({ architecture }) => architecture === machine[1]);
  const architectures = [...(mine?.subArchitectures ?? []), ...(profile.architectures ?? [])];
  const rules = (profile.syscalls ?? []).flatMap((rule, index) => {
    if (!holds(rule, new Set(capabilities))) return [];
    const place = `${PLACE}.syscalls[${index}]`;
    const action = actionOf(`${place}.action`, rule.action, rule.errnoRet);
    const names = [...(rule.names ?? []), ...(rule.name === undefined ? [] : [rule.name])];
    const args = (rule.args ?? []).map(({ index: at, value, valueTwo = 0, op }, nth) => {
      const operator = operators[op];
      if (operator === undefined) throw invalid(`${place}.args[${nth}].op`, `one of ${Object.keys(operators).join(', ')}`, op);
      return { index: at, op: operator, value: BigInt(value), valueTwo: BigInt(valueTwo) };
    });
    // A rule that says what holds anyway is none.
    return action === defaultAction ? [] : [{ names, action, args }];
  });
  return native<SeccompFunctions>().compileSeccomp(defaultAction, [...new Set(architectures)], rules);
}

function parse(text: string): Profile {
  if (text.length > PROFILE_BYTES_MAX) throw invalid(PLACE, `a profile of at most ${PROFILE_BYTES_MAX} bytes`, text.length);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw invalid(PLACE, 'a profile as JSON', text);
  }
  const texts = orNull((field, item) => checkList(field, item, checkText));
  const errno = (field: string, item: unknown): void => checkInteger(field, item, 0, ERRNO_MAX);
  const map = { architecture: checkText, subArchitectures: texts };
  checkObject(PLACE, value, {
    defaultAction: checkText,
    defaultErrnoRet: errno,
    architectures: texts,
    archMap: orNull((field, item) => checkList(field, item, (at, entry) => checkObject(at, entry, map, ['architecture']))),
    syscalls: orNull((field, item) => checkList(field, item, checkRule)),
  }, ['defaultAction']);
  return value as Profile;
}

function checkRule(field: string, value: unknown): void {
  const texts = orNull((at, item) => checkList(at, item, checkText));
  const condition = orNull((at, item) => checkObject(at, item, { caps: texts, arches: texts, minKernel: checkKernel }));
  const number = (at: string, item: unknown): void => checkInteger(at, item, 0, Number.MAX_SAFE_INTEGER);
  const index = (at: string, item: unknown): void => checkInteger(at, item, 0, ARGUMENT_MAX);
  const comparison = { index, value: number, valueTwo: number, op: checkText };
  checkObject(field, value, {
    name: checkText,
    names: (at, item) => checkList(at, item, checkText),
    action: checkText,
    errnoRet: (at, item) => checkInteger(at, item, 0, ERRNO_MAX),
    args: orNull((at, item) =>
      checkList(at, item, (one, entry) => checkObject(one, entry, comparison, ['index', 'value', 'op']))),
    comment: checkText,
    includes: condition,
    excludes: condition,
  }, ['action']);
}

/** Programs that write profiles write null for "none". */
function orNull(check: (field: string, value: unknown) => void): (field: string, value: unknown) => void {
  return (field, value) => value === null || check(field, value);
}

function checkKernel(field: string, value: unknown): void {
  if (typeof value !== 'string' || !/^\d+\.\d+$/.test(value)) throw invalid(field, 'a kernel version such as 4.8', value);
}

function actionOf(field: string, name: string, errno: number | undefined): number {
  const action = Object.hasOwn(actions, name) ? actions[name] : undefined;
  if (action === undefined) throw invalid(field, `one of ${Object.keys(actions).join(', ')}`, name);
  return name === 'SCMP_ACT_ERRNO' ? action | (errno ?? EPERM) : action;
}

function holds({ includes, excludes }: ProfileRule, capabilities: ReadonlySet<string>): boolean {
  const has = (name: string): boolean => capabilities.has(name.replace(/^CAP_/, ''));
  const here = ({ arches }: Condition): boolean => arches?.includes(machine[0] ?? '') === true;
  if (excludes && (here(excludes) || excludes.caps?.some(has) === true || isKernel(excludes.minKernel))) return false;
  if (!includes) return true;
  if ((includes.arches?.length ?? 0) > 0 && !here(includes)) return false;
  return (includes.caps ?? []).every(has) && (includes.minKernel === undefined || isKernel(includes.minKernel));
}

function isKernel(least: string | undefined): boolean {
  if (least === undefined) return false;
  const [major = 0, minor = 0] = least.split('.').map(Number);
  const [ownMajor = 0, ownMinor = 0] = release().split('.').map((part) => Number.parseInt(part, 10));
  return ownMajor > major || (ownMajor === major && ownMinor >= minor);
}
