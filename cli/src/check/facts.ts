/** What somebody inside would type to look around, and how its answer is read. One line of output each. */
export interface Question {
  readonly name: string;
  /** What a person would type: shown in the table. */
  readonly command: string;
  /** What is run: the same in one word per fact, with what every machine has. */
  readonly script: string;
  /** The namespace that makes the difference; without one, different answers are what counts. */
  readonly namespace?: NamespaceFile;
}

/** Names below /proc/self/ns. */
export type NamespaceFile = 'pid' | 'mnt' | 'net' | 'uts' | 'ipc' | 'user' | 'cgroup' | 'time';

const NAMESPACE_FILES: readonly NamespaceFile[] = ['pid', 'mnt', 'net', 'uts', 'ipc', 'user', 'cgroup', 'time'];

const status = (field: string): string => `sed -n 's/^${field}:[[:space:]]*//p' /proc/self/status`;

export const QUESTIONS: readonly Question[] = [
  { name: 'processes', command: 'ps aux | wc -l', script: 'ps aux | wc -l', namespace: 'pid' },
  { name: 'mounts', command: 'wc -l /proc/mounts', script: 'wc -l < /proc/mounts', namespace: 'mnt' },
  { name: 'interfaces', command: 'ip link', script: String.raw`sed -n 's/^ *\([^ :]*\):.*/\1/p' /proc/net/dev | sort | tr '\n' ' '`, namespace: 'net' },
  { name: 'hostname', command: 'hostname', script: 'cat /proc/sys/kernel/hostname', namespace: 'uts' },
  { name: 'ipc objects', command: 'ipcs', script: 'cat /proc/sysvipc/msg /proc/sysvipc/sem /proc/sysvipc/shm | grep -vc key', namespace: 'ipc' },
  { name: 'uid map', command: 'cat /proc/self/uid_map', script: `tr -s ' ' < /proc/self/uid_map | tr '\\n' ';'`, namespace: 'user' },
  { name: 'user', command: 'id -u', script: 'id -u' },
  { name: 'cgroup', command: 'cat /proc/self/cgroup', script: `grep -E ':memory:|^0::' /proc/self/cgroup | head -n 1`, namespace: 'cgroup' },
  { name: 'capabilities', command: 'grep CapBnd /proc/self/status', script: status('CapBnd') },
  { name: 'seccomp', command: 'grep Seccomp: /proc/self/status', script: status('Seccomp') },
  { name: 'no new privileges', command: 'grep NoNewPrivs /proc/self/status', script: status('NoNewPrivs') },
  { name: 'clock', command: 'ls -l /proc/self/ns/time', script: `cat /proc/self/timens_offsets | tr -s ' \\t' ' ' | tr '\\n' ';'`, namespace: 'time' },
];

/** A shell script that answers every question on a line `name=answer`, and says in which namespaces it ran. */
export const SCRIPT: string = [
  ...NAMESPACE_FILES.map((name) => `echo "ns ${name}=$(readlink /proc/self/ns/${name})"`),
  ...QUESTIONS.map(({ name, script }) => `echo "${name}=$(${script} 2>/dev/null)"`),
].join('\n');

/** Answers by the names of the questions, and `ns NAME`. */
export function parseFacts(output: string): ReadonlyMap<string, string> {
  const lines = output.split('\n').filter((line) => line.includes('='));
  return new Map(lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1).trim()]));
}

/** One row of the table. */
export interface Comparison {
  readonly name: string;
  readonly command: string;
  readonly host: string;
  readonly container: string;
  /** Whether the container has its own. */
  readonly own: boolean;
}

/** Host beside container. A question that one of them could not answer is shown as a dash. */
export function compare(host: ReadonlyMap<string, string>, container: ReadonlyMap<string, string>): Comparison[] {
  return QUESTIONS.map(({ name, command, namespace }) => {
    const key = namespace === undefined ? name : `ns ${namespace}`;
    const own = (host.get(key) ?? '') !== (container.get(key) ?? '');
    return { name, command, host: shown(name, host), container: shown(name, container), own };
  });
}

function shown(name: string, facts: ReadonlyMap<string, string>): string {
  const value = facts.get(name) ?? '';
  if (value === '') return '-';
  if (name === 'capabilities') return `${bits(BigInt(`0x${value}`))} of ${CAPABILITIES} (${value.replace(/^0+(?=.)/, '')})`;
  if (name === 'seccomp') return ['off', 'strict', 'filter'][Number(value)] ?? value;
  if (name === 'no new privileges') return value === '1' ? 'yes' : 'no';
  return value.replace(/;$/, '').replaceAll(';', '; ');
}

/** What Linux knows since 5.9. */
const CAPABILITIES = 41;

function bits(value: bigint): number {
  return value.toString(2).replaceAll('0', '').length;
}
