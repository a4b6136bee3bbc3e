import type { PortMapping } from '@proffer/sdk/model';
import { agentTag, type Bridge } from './bridge.js';
import { runProgram, type Program } from './run-program.js';

/** Published ports of one container on the bridge. */
export interface Published {
  readonly address: string;
  readonly ports: readonly PortMapping[];
}

/** How rules reach the kernel; tests stand in for it. Rejects with what iptables said. */
export type Iptables = (program: 'iptables-save' | 'iptables-restore', args: readonly string[], input: string) => Promise<string>;

const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Another program may hold iptables' lock for long. */
const TIMEOUT_MS = 60_000;

export async function systemIptables(program: string, args: readonly string[], input: string): Promise<string> {
  const call: Program = { file: program, arguments: args, environment: { PATH }, input, timeoutMs: TIMEOUT_MS };
  const { code, output, errors } = await runProgram(call).catch((error: unknown) => {
    const { code: why, message } = error as NodeJS.ErrnoException;
    const remedy = 'install iptables for networks with published ports (Debian, Ubuntu: apt-get install iptables)';
    throw new Error(why === 'ENOENT' ? `there is no ${program} on this machine; ${remedy}` : `${program}: ${message}`, { cause: error });
  });
  if (code !== 0) throw new Error(`${program}: ${errors.trim().slice(0, 500) || `exit code ${code ?? 'none'}`}`);
  return output;
}

/** Where our chains are called from. Ours come first: a machine with other engines often drops what is forwarded. */
const CALLS = [
  { table: 'nat', chain: 'PREROUTING', condition: '-m addrtype --dst-type LOCAL ', ours: 'IN' },
  { table: 'nat', chain: 'OUTPUT', condition: '-m addrtype --dst-type LOCAL ', ours: 'IN' },
  { table: 'nat', chain: 'POSTROUTING', condition: '', ours: 'OUT' },
  { table: 'filter', chain: 'FORWARD', condition: '', ours: 'FORWARD' },
  { table: 'filter', chain: 'INPUT', condition: '', ours: 'LOCAL' },
] as const;

type Ours = (typeof CALLS)[number]['ours'];

/**
 * All rules of this agent, in chains of its own. The one of published ports is always written as a whole in one transaction:
 * what is in it is what it should be, whatever went before. Changes that come while one is being written are written together.
 */
export class Rules {
  readonly #bridge: Bridge;
  readonly #tag: string;
  readonly #iptables: Iptables;
  readonly #published: () => readonly Published[];
  #called = false;
  #next: Promise<void> | undefined;
  #last: Promise<unknown> = Promise.resolve();

  constructor(bridge: Bridge, agentName: string, iptables: Iptables, published: () => readonly Published[]) {
    this.#bridge = bridge;
    this.#tag = agentTag(agentName);
    this.#iptables = iptables;
    this.#published = published;
  }

  /** Resolves when what is published at this moment is in force. */
  apply(): Promise<void> {
    this.#next ??= this.#after(() => {
      this.#next = undefined;
      return this.#write();
    });
    return this.#next;
  }

  /** Takes away every rule and chain. */
  remove(): Promise<void> {
    return this.#after(async () => {
      const { nat, filter } = await this.#present();
      await this.#restore([
        ...[...nat].filter((line) => line.startsWith('-A')).map((line) => ['nat', line.replace('-A', '-D')] as const),
        ...[...filter].filter((line) => line.startsWith('-A')).map((line) => ['filter', line.replace('-A', '-D')] as const),
        ...[...nat].filter((line) => line.startsWith(':')).flatMap((line) => this.#gone('nat', line)),
        ...[...filter].filter((line) => line.startsWith(':')).flatMap((line) => this.#gone('filter', line)),
      ]);
      this.#called = false;
    });
  }

  #gone(table: string, line: string): (readonly [string, string])[] {
    const chain = line.slice(1).split(' ')[0] ?? '';
    return [[table, `-F ${chain}`], [table, `-X ${chain}`]];
  }

  /** One at a time, in the order asked for, whatever became of the one before. */
  #after<Result>(action: () => Promise<Result>): Promise<Result> {
    const done = this.#last.then(action, action);
    this.#last = done.catch(() => undefined);
    return done;
  }

  async #write(): Promise<void> {
    const translations: (readonly [string, string])[] = [['nat', `:${this.#chain('IN')} - [0:0]`]];
    for (const { address, ports } of this.#published()) {
      for (const port of ports) translations.push(['nat', `-A ${this.#chain('IN')} ${translation(port, address)}`]);
    }
    await this.#restore(this.#called ? translations : [...translations, ...this.#forAll(), ...(await this.#missingCalls())]);
    this.#called = true;
  }

  /** What holds for the whole bridge: written once in a run of the agent. */
  #forAll(): (readonly [string, string])[] {
    const { name, subnet } = this.#bridge;
    return [
      ['nat', `:${this.#chain('OUT')} - [0:0]`],
      ...(['FORWARD', 'LOCAL'] as const).map((ours) => ['filter', `:${this.#chain(ours)} - [0:0]`] as const),
      // To the outside; from here by 127.0.0.1; from the bridge to itself by a published port.
      ['nat', `-A ${this.#chain('OUT')} -s ${subnet} ! -o ${name} -j MASQUERADE`],
      ['nat', `-A ${this.#chain('OUT')} -s 127.0.0.0/8 -o ${name} -j MASQUERADE`],
      ['nat', `-A ${this.#chain('OUT')} -s ${subnet} -o ${name} -m conntrack --ctstate DNAT -j MASQUERADE`],
      ['filter', `-A ${this.#chain('FORWARD')} -i ${name} -j ACCEPT`],
      ['filter', `-A ${this.#chain('FORWARD')} -o ${name} -m conntrack --ctstate RELATED,ESTABLISHED,DNAT -j ACCEPT`],
      // The bridge routes 127.0.0.0/8 for published ports; nobody on it shall reach the loopback by that.
      ['filter', `-A ${this.#chain('LOCAL')} -i ${name} -d 127.0.0.0/8 -m conntrack ! --ctstate RELATED,ESTABLISHED -j DROP`],
    ];
  }

  /** Calls of our chains that are not there yet: a rule put in twice would have to be taken out twice. */
  async #missingCalls(): Promise<(readonly [string, string])[]> {
    const present = await this.#present();
    return CALLS.filter(({ table, chain, ours }) => {
      return ![...present[table]].some((line) => line.startsWith(`-A ${chain} `) && line.includes(this.#chain(ours)));
    }).map(({ table, chain, condition, ours }) => [table, `-I ${chain} 1 ${condition}-j ${this.#chain(ours)}`] as const);
  }

  /** Lines about our chains, outside of them: calls and declarations. */
  async #present(): Promise<{ readonly nat: Set<string>; readonly filter: Set<string> }> {
    const lines = { nat: new Set<string>(), filter: new Set<string>() };
    const own = `PROFFER-${this.#tag}-`;
    for (const table of ['nat', 'filter'] as const) {
      const text = await this.#iptables('iptables-save', ['-t', table], '');
      for (const line of text.split('\n')) {
        if (line.includes(own) && !line.startsWith(`-A ${own}`)) lines[table].add(line.trim());
      }
    }
    return lines;
  }

  async #restore(lines: readonly (readonly [table: string, line: string])[]): Promise<void> {
    const text = ['nat', 'filter'].map((table) => {
      const own = lines.filter(([at]) => at === table).map(([, line]) => line);
      return own.length === 0 ? '' : `*${table}\n${own.join('\n')}\nCOMMIT\n`;
    }).join('');
    if (text !== '') await this.#iptables('iptables-restore', ['--noflush', '--wait', '30'], text);
  }

  /** At most 28 characters, the kernel's bound. */
  #chain(ours: Ours): string {
    return `PROFFER-${this.#tag}-${ours}`;
  }
}

function translation({ hostPort, containerPort, protocol = 'tcp', hostIp }: PortMapping, address: string): string {
  const at = hostIp === undefined || hostIp === '0.0.0.0' ? '' : `-d ${hostIp}/32 `;
  return `${at}-p ${protocol} -m ${protocol} --dport ${hostPort} -j DNAT --to-destination ${address}:${containerPort}`;
}
