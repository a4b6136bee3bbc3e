import { containsRanges, type NetworkInfo, type PortMapping } from '@proffer/sdk/model';
import type { ContainerSpec } from '../containerizer/types.js';
import type { RuntimeConfig } from './cni.js';
import { parseAddress } from './subnet.js';

/** What a task asks of its networks. */
export type NetworkWish =
  /** The agent's own network. */
  | { readonly kind: 'host' }
  /** A namespace of its own with nothing but a loopback. */
  | { readonly kind: 'loopback' }
  | { readonly kind: 'networks'; readonly networks: readonly NetworkInfo[]; readonly ports: readonly PortMapping[] };

const HOST = 'host';
const NONE = 'none';

/** Labels of a network that limit a container's rate in it, in bits a second and bits of a burst. */
const BANDWIDTH_LABELS = ['ingressRate', 'ingressBurst', 'egressRate', 'egressBurst'] as const;
const BANDWIDTH_PREFIX = 'bandwidth.';

/** A burst where none is given: a tenth of a second, and at least what the kernel sends in one go. */
const BURST_BITS_MIN = 1 << 20;

/** A label of a name in DNS. */
const HOST_NAME = /^(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)*$/;

/** Reads the wish from the task. Throws what is wrong with it. */
export function networkWish({ container, resources }: ContainerSpec): NetworkWish {
  const networks = container?.networks ?? [];
  const ports = container?.portMappings ?? [];
  const names = networks.map(({ name }) => name);
  const alone = names.find((name) => name === HOST || name === NONE);
  if (alone !== undefined && names.length > 1) {
    throw new Error(`container.networks: "${alone}" stands alone, got ${names.map((name) => `"${name}"`).join(', ')}`);
  }
  if (ports.length > 0 && (alone !== undefined || names.length === 0)) {
    throw new Error(`container.portMappings: only with networks of its own; in the agent's network a task listens on its ports itself, ` +
      'and in "none" nobody reaches it');
  }
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new Error(`container.networks: "${twice}" is named twice`);
  if (names.length === 0 || alone === HOST) return { kind: 'host' };
  for (const [index, network] of networks.entries()) checkAliases(network, index);
  if (alone === NONE) return { kind: 'loopback' };
  checkPorts(ports, resources.ports);
  return { kind: 'networks', networks, ports };
}

function checkAliases({ aliases = [] }: NetworkInfo, index: number): void {
  const bad = aliases.find((alias) => !HOST_NAME.test(alias));
  if (bad === undefined) return;
  throw new Error(`container.networks[${index}].aliases: expected host names, got ${JSON.stringify(bad)}`);
}

function checkPorts(ports: readonly PortMapping[], own: readonly number[]): void {
  const taken = new Set<string>();
  for (const [index, { hostPort, containerPort, hostIp, protocol = 'tcp' }] of ports.entries()) {
    const field = `container.portMappings[${index}]`;
    if (containerPort < 1) throw new Error(`${field}.containerPort: expected a port from 1 to 65535, got ${containerPort}`);
    if (!containsRanges(own, [hostPort, hostPort])) {
      throw new Error(`${field}.hostPort: expected one of the task's ports, got ${hostPort}; add it to the task's resources`);
    }
    if (hostIp !== undefined && parseAddress(hostIp) === undefined) {
      throw new Error(`${field}.hostIp: expected an IPv4 address of the agent, got ${JSON.stringify(hostIp)}`);
    }
    const key = `${protocol} ${hostPort} ${hostIp ?? ''}`;
    if (taken.has(key)) throw new Error(`${field}.hostPort: ${protocol} port ${hostPort} leads into the container twice`);
    taken.add(key);
  }
}

/** What plugins are asked for in one network. `ports`: those that this network publishes. */
export function runtimeConfig({ ipAddress, labels = [] }: NetworkInfo, ports: readonly PortMapping[]): RuntimeConfig {
  const bandwidth = bandwidthOf(labels);
  return {
    ...(ports.length === 0 ? {} : { portMappings: ports.map((port) => mapping(port)) }),
    ...(ipAddress === undefined ? {} : { ips: [ipAddress] }),
    ...(bandwidth === undefined ? {} : { bandwidth }),
  };
}

function mapping({ hostPort, containerPort, protocol = 'tcp', hostIp }: PortMapping): NonNullable<RuntimeConfig['portMappings']>[number] {
  return { hostPort, containerPort, protocol, ...(hostIp === undefined ? {} : { hostIP: hostIp }) };
}

function bandwidthOf(labels: NonNullable<NetworkInfo['labels']>): RuntimeConfig['bandwidth'] | undefined {
  const given: Partial<Record<(typeof BANDWIDTH_LABELS)[number], number>> = {};
  for (const [label, text] of labels) {
    if (!label.startsWith(BANDWIDTH_PREFIX)) continue;
    const name = BANDWIDTH_LABELS.find((known) => label === `${BANDWIDTH_PREFIX}${known}`);
    if (name === undefined || !/^[1-9]\d{0,12}$/.test(text)) {
      const known = BANDWIDTH_LABELS.map((each) => `${BANDWIDTH_PREFIX}${each}`).join(', ');
      throw new Error(`container.networks: the label ${label} must be one of ${known} with a number of bits, got ${JSON.stringify(text)}`);
    }
    given[name] = Number(text);
  }
  if (Object.keys(given).length === 0) return undefined;
  return { ...direction('ingress', given.ingressRate, given.ingressBurst), ...direction('egress', given.egressRate, given.egressBurst) };
}

/** The plugin wants rate and burst together. */
function direction(name: 'ingress' | 'egress', rate: number | undefined, burst: number | undefined): Record<string, number> {
  if (rate === undefined) return {};
  return { [`${name}Rate`]: rate, [`${name}Burst`]: burst ?? Math.max(Math.floor(rate / 10), BURST_BITS_MIN) };
}

/** Names by which neighbours find a container, beside its host name: its task's, where that can be one. */
export function extraNames({ taskId }: ContainerSpec): string[] {
  return taskId !== undefined && HOST_NAME.test(taskId) ? [taskId] : [];
}
