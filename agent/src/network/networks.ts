import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PortMapping } from '@proffer/sdk/model';
import { agentTag, BRIDGE_NETWORK, bridgeConfig, openBridge, type Bridge } from './bridge.js';
import { Attachments, type AttachedNetwork, type Attachment } from './attachments.js';
import { findNetwork, type NetworkConfig } from './cni-config.js';
import { addressesOf, Cni, type Interface } from './cni.js';
import { IdentityFiles } from './identity-files.js';
import { Neighbours } from './neighbours.js';
import { CNI_CONFIG_DIRECTORY, CNI_PLUGIN_DIRECTORY, READY_NAMESPACES_DEFAULT, READY_NAMESPACES_MAX, type NetworkOptions } from './options.js';
import { ReadyStock } from './ready-stock.js';
import { Rules, type Iptables } from './rules.js';
import { awaitStragglers } from './stragglers.js';
import { runtimeConfig, type NetworkWish } from './wish.js';

/** The kernel's part, so that tests can stand in for it. */
export interface NetworkNative {
  makeNetworkNamespace(path: string): Promise<void>;
  removeNetworkNamespace(path: string): Promise<void>;
  removeBridge(name: string): Promise<void>;
}

export interface NetworksParts {
  /** Everything kept about networks is below it. */
  readonly directory: string;
  readonly agentName: string;
  readonly options: NetworkOptions;
  readonly native: NetworkNative;
  readonly iptables: Iptables;
  /** Changes with every start of the machine. */
  readonly bootId: string;
  /** Never given before; letters and digits. */
  newId(): string;
  warn(message: string): void;
}

/** Who joins: for plugins, hosts files and messages. */
export interface Member {
  readonly containerId: string;
  readonly hostname: string;
  /** Further names in every network. */
  readonly names: readonly string[];
}

/** What cannot be undone now is tried again after this long, and at the next start. */
const RETRY_MS = 5000;

/** A plugin is killed after 60 s; one of an earlier run of the agent ends by itself. */
const STRAGGLERS_MS = 65_000;

type Wanted = Extract<NetworkWish, { readonly kind: 'networks' }>;

/**
 * Network namespaces of this agent's containers and what is attached to them. Nothing is made before it is written down
 * (`Attachments`), and it is struck out only when it is undone: so nothing leaks, whenever the agent dies.
 */
export class Networks {
  readonly #parts: NetworksParts;
  readonly #cni: Cni;
  readonly #attachments: Attachments;
  readonly #neighbours: Neighbours;
  readonly #stock: ReadyStock<Attachment>;
  readonly #undoing = new Map<string, Promise<void>>();
  #bridge: Bridge | undefined;
  #rules: Rules | undefined;
  #bridgeReady: Promise<void> | undefined;
  #closed = false;

  constructor(parts: NetworksParts) {
    const { readyNamespaces = READY_NAMESPACES_DEFAULT } = parts.options;
    if (!Number.isInteger(readyNamespaces) || readyNamespaces < 0 || readyNamespaces > READY_NAMESPACES_MAX) {
      throw new Error(`readyNamespaces: expected a whole number from 0 to ${READY_NAMESPACES_MAX}, got ${readyNamespaces}`);
    }
    this.#parts = parts;
    this.#cni = new Cni(parts.options.cniPluginDir ?? CNI_PLUGIN_DIRECTORY);
    this.#attachments = new Attachments(join(parts.directory, 'attachments'));
    this.#neighbours = new Neighbours(this.#attachments, new IdentityFiles(join(parts.directory, 'files')));
    this.#stock = new ReadyStock(
      readyNamespaces,
      () => this.#makeReady(),
      (error) => this.#closed || parts.warn(`no namespace could be made ready on the network ${BRIDGE_NETWORK}: ${sentence(error)}`),
    );
    if (parts.options.bridgeSubnet !== undefined) this.#open();
  }

  /** The container's own hosts, hostname and resolv.conf: paths outside. */
  get files(): IdentityFiles {
    return this.#neighbours.files;
  }

  /** Addresses, the first network's first; undefined for a container that has no networks here. */
  addresses(containerId: string): string[] | undefined {
    return this.#attachments.ofContainer(containerId)?.networks.flatMap(({ result }) => addressesOf(result));
  }

  /** File of the namespace that the container is to be started in. */
  namespaceOf(containerId: string): string | undefined {
    const attachment = this.#attachments.ofContainer(containerId);
    return attachment === undefined ? undefined : this.#path(attachment.id);
  }

  /** Only files: for a container with nothing but a loopback. */
  introduce(member: Member): void {
    this.files.make(member.containerId, member.hostname, [{ address: '127.0.0.1', names: [member.hostname, ...member.names] }]);
  }

  /** Attaches the container to all its networks. What was made when this rejects goes with `detach`. */
  async attach(member: Member, wish: Wanted): Promise<void> {
    const wanted = this.#plan(member, wish);
    const onBridge = wish.networks.some(({ name }) => name === BRIDGE_NETWORK);
    if (onBridge) await this.#readyBridge();
    const ready = this.#canBeReady(wish) ? this.#stock.take() : undefined;
    if (ready === undefined) await this.#make({ ...wanted, id: this.#newId() });
    else await this.#adopt(ready, wanted);
    if (wanted.ports.length > 0) await this.#rules?.apply();
    // Only now: making others ready would be in the way of this one.
    if (onBridge) this.#stock.fill();
    this.#neighbours.introduce(member);
  }

  /** Gives everything back: at once for the container, in the background for the kernel. Nothing happens if there is nothing. */
  detach(containerId: string): void {
    const attachment = this.#attachments.ofContainer(containerId);
    if (attachment === undefined) return this.files.remove(containerId);
    const { containerId: _containerId, hostname: _hostname, ...rest } = attachment;
    this.#attachments.save({ ...rest, ports: [] });
    this.#neighbours.dismiss(containerId, attachment);
    void this.#undo(attachment.id, attachment.ports.length > 0).catch(() => undefined);
  }

  /** After a start of the agent: undoes all that does not belong to one of these containers. */
  async retain(containerIds: ReadonlySet<string>): Promise<void> {
    const nobodys = this.#attachments.all().filter(({ containerId }) => containerId === undefined || !containerIds.has(containerId));
    const unfinished = nobodys.filter(({ networks }) => networks.some(({ result }) => result === undefined)).map(({ id }) => id);
    if (unfinished.length > 0 && !(await awaitStragglers(new Set(unfinished), STRAGGLERS_MS))) {
      this.#parts.warn('a network plugin that an earlier run of the agent started has not ended');
    }
    if (existsSync(this.#bridgeFile) && this.#attachments.all().length > nobodys.length) await this.#readyBridge();
    await Promise.all(nobodys.map(({ id }) => this.#undo(id, false)));
    await this.#sweep();
    // Ports of containers that are no more were still in the first writing.
    if (nobodys.length > 0) await this.#rules?.apply();
    this.#neighbours.refresh();
  }

  /** Names of namespaces that nobody wrote down: made by a launcher that outlived its agent by a moment. */
  async #sweep(): Promise<void> {
    const directory = join(this.#parts.directory, 'namespaces');
    const files = existsSync(directory) ? readdirSync(directory) : [];
    await Promise.all(files.filter((id) => this.#attachments.get(id) === undefined).map((id) => {
      return this.#parts.native.removeNetworkNamespace(this.#path(id));
    }));
  }

  /** Compares what plugins made with what is there. Rejects with the difference. */
  async check(containerId: string): Promise<void> {
    const attachment = this.#attachments.ofContainer(containerId);
    for (const network of attachment?.networks ?? []) {
      if (network.result !== undefined) await this.#cni.check(this.#interface(attachment!.id, network), network.result);
    }
  }

  /** Stops; containers keep their networks. When none is left, bridge and rules go too. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#neighbours.close();
    const ready = await this.#stock.close();
    await Promise.allSettled([...this.#undoing.values(), ...ready.map(({ id }) => this.#undo(id, false))]);
    if (this.#attachments.all().length > 0 || !existsSync(this.#bridgeFile)) return;
    const { bridge, rules } = this.#open();
    try {
      await rules.remove();
      await this.#parts.native.removeBridge(bridge.name);
      rmSync(this.#leases, { recursive: true, force: true });
      rmSync(this.#bridgeFile, { force: true });
    } catch (error) {
      this.#parts.warn(`the bridge ${bridge.name} is not removed: ${sentence(error)}`);
    }
  }

  /** What is to be attached, before anything is. Throws where a network is unknown or cannot do what is asked of it. */
  #plan(member: Member, { networks, ports }: Wanted): Omit<Attachment, 'id'> {
    const publisher = this.#publisher(networks.map(({ name }) => name), ports);
    const attached = networks.map((network, index): AttachedNetwork => {
      const isPublisher = index === publisher;
      const runtime = runtimeConfig(network, isPublisher && network.name !== BRIDGE_NETWORK ? ports : []);
      const config = this.#config(network.name, runtime.bandwidth !== undefined);
      for (const capability of Object.keys(runtime)) {
        if (config.plugins.some(({ capabilities }) => capabilities?.[capability] === true)) continue;
        throw new Error(`container.networks[${index}]: no plugin of the network "${network.name}" has the capability ${capability}`);
      }
      return { config, runtime, interfaceName: `eth${index}`, aliases: [...(network.aliases ?? []), ...member.names] };
    });
    const ours = networks[publisher]?.name === BRIDGE_NETWORK ? ports : [];
    return { bootId: this.#parts.bootId, containerId: member.containerId, hostname: member.hostname, networks: attached, ports: ours };
  }

  /** The network whose addresses the ports lead to: the first that can. */
  #publisher(names: readonly string[], ports: readonly PortMapping[]): number {
    if (ports.length === 0) return -1;
    const index = names.findIndex((name) => {
      return name === BRIDGE_NETWORK || this.#config(name, false).plugins.some(({ capabilities }) => capabilities?.['portMappings'] === true);
    });
    if (index >= 0) return index;
    throw new Error(`container.portMappings: none of the networks ${names.map((name) => `"${name}"`).join(', ')} publishes ports; ` +
      `name "${BRIDGE_NETWORK}" too, or add the portmap plugin to one of them`);
  }

  #config(name: string, withBandwidth: boolean): NetworkConfig {
    if (name !== BRIDGE_NETWORK) return findNetwork(this.#parts.options.cniConfigDir ?? CNI_CONFIG_DIRECTORY, name);
    return bridgeConfig(this.#open().bridge, this.#leases, withBandwidth);
  }

  /** Only what every container on the bridge has can be made before anybody asks. */
  #canBeReady({ networks }: Wanted): boolean {
    const [network, ...others] = networks;
    return network?.name === BRIDGE_NETWORK && others.length === 0 && network.ipAddress === undefined;
  }

  async #makeReady(): Promise<Attachment> {
    const config = this.#config(BRIDGE_NETWORK, false);
    const network: AttachedNetwork = { config, runtime: {}, interfaceName: 'eth0', aliases: [] };
    return this.#make({ id: this.#newId(), bootId: this.#parts.bootId, networks: [network], ports: [] });
  }

  /** Writes down, makes, writes down what came of it, network by network. */
  async #make(attachment: Attachment): Promise<Attachment> {
    this.#attachments.save(attachment);
    let made = attachment;
    try {
      mkdirSync(join(this.#parts.directory, 'namespaces'), { recursive: true, mode: 0o700 });
      await this.#parts.native.makeNetworkNamespace(this.#path(attachment.id));
      for (const [index, network] of attachment.networks.entries()) {
        const result = await this.#cni.add(this.#interface(attachment.id, network));
        made = { ...made, networks: made.networks.with(index, { ...network, result }) };
        this.#attachments.save(made);
      }
      if (made.networks.some(({ config }) => config.name === BRIDGE_NETWORK)) this.#routeLoopback();
      return made;
    } catch (error) {
      // One that is to belong to a container is undone with it.
      if (attachment.containerId === undefined) void this.#undo(attachment.id, false).catch(() => undefined);
      throw error;
    }
  }

  /** Gives a ready namespace to a container, and adds what the container asks beyond it. */
  async #adopt(ready: Attachment, wanted: Omit<Attachment, 'id'>): Promise<void> {
    const [had] = ready.networks;
    const [network] = wanted.networks;
    if (had?.result === undefined || network === undefined) throw new Error('a ready namespace lost its network');
    const done = had.config.plugins.length;
    this.#attachments.save({ ...wanted, id: ready.id, networks: [{ ...network, result: had.result }] });
    if (network.config.plugins.length === done) return;
    const result = await this.#cni.add(this.#interface(ready.id, network), done, had.result);
    this.#attachments.save({ ...wanted, id: ready.id, networks: [{ ...network, result }] });
  }

  /** Once per attachment at a time. Rejects after the first failure; tried again while the agent runs. */
  #undo(id: string, published: boolean): Promise<void> {
    const present = this.#undoing.get(id);
    if (present !== undefined) return present;
    const work = this.#undoNow(id, published).finally(() => this.#undoing.delete(id));
    this.#undoing.set(id, work);
    work.catch((error: unknown) => {
      this.#parts.warn(`network namespace ${id} is not undone yet: ${sentence(error)}`);
      if (!this.#closed) setTimeout(() => void this.#undo(id, published).catch(() => undefined), RETRY_MS).unref();
    });
    return work;
  }

  async #undoNow(id: string, published: boolean): Promise<void> {
    const attachment = this.#attachments.get(id);
    if (attachment === undefined) return;
    if (published) await this.#rules?.apply();
    for (const network of attachment.networks.toReversed()) {
      await this.#cni.remove(this.#interface(id, network), network.result);
    }
    await this.#parts.native.removeNetworkNamespace(this.#path(id));
    this.#attachments.remove(id);
  }

  /** Decides name and subnet; nothing is made yet. */
  #open(): { readonly bridge: Bridge; readonly rules: Rules } {
    const { agentName, options, iptables } = this.#parts;
    this.#bridge ??= openBridge(this.#bridgeFile, agentName, options.bridgeSubnet);
    this.#rules ??= new Rules(this.#bridge, agentName, iptables, () => this.#published());
    return { bridge: this.#bridge, rules: this.#rules };
  }

  /** The rules that hold for the whole bridge are in force; a failure is tried again by the next container. */
  #readyBridge(): Promise<void> {
    this.#bridgeReady ??= (async () => {
      const { rules } = this.#open();
      writeFileSync('/proc/sys/net/ipv4/ip_forward', '1');
      await rules.apply();
      this.#routeLoopback();
    })().catch((error: unknown) => {
      this.#bridgeReady = undefined;
      throw error;
    });
    return this.#bridgeReady;
  }

  /** Lets packets from 127.0.0.1 go to the bridge; it exists once the plugin was called for the first time. */
  #routeLoopback(): void {
    const file = `/proc/sys/net/ipv4/conf/${this.#open().bridge.name}/route_localnet`;
    if (existsSync(file)) writeFileSync(file, '1');
  }

  #published(): { readonly address: string; readonly ports: readonly PortMapping[] }[] {
    return this.#attachments.all().flatMap(({ networks, ports }) => {
      const [address] = addressesOf(networks.find(({ config }) => config.name === BRIDGE_NETWORK)?.result);
      return address === undefined || ports.length === 0 ? [] : [{ address, ports }];
    });
  }

  #interface(id: string, { config, runtime, interfaceName }: AttachedNetwork): Interface {
    return { config, runtime, cniId: id, namespace: this.#path(id), name: interfaceName };
  }

  #newId(): string {
    return `proffer-${agentTag(this.#parts.agentName)}-${this.#parts.newId()}`;
  }

  #path(id: string): string {
    return join(this.#parts.directory, 'namespaces', id);
  }

  get #leases(): string {
    return join(this.#parts.directory, 'leases');
  }

  get #bridgeFile(): string {
    return join(this.#parts.directory, 'bridge.json');
  }
}

function sentence(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
