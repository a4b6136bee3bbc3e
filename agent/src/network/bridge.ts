import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { NetworkConfig, PluginConfig } from './cni-config.js';
import { chooseSubnet, formatSubnet, overlap, parseSubnet, usedSubnets } from './subnet.js';

/** The name of the network that every agent has, like Docker's. */
export const BRIDGE_NETWORK = 'bridge';

/** Behind the plugin that makes the interface, where a container asks for a rate. */
const BANDWIDTH_PLUGIN: PluginConfig = { type: 'bandwidth', capabilities: { bandwidth: true } };

/** What is decided once per agent, and kept: containers of an earlier run have addresses in it. */
export interface Bridge {
  /** The interface; its digits are also in the names of our chains. */
  readonly name: string;
  readonly subnet: string;
}

/** Letters and digits that tell this agent's interfaces and rules from those of others on the machine. */
export function agentTag(agentName: string): string {
  return createHash('sha256').update(agentName).digest('hex').slice(0, 7);
}

/** Reads the file, or decides and writes it. Throws where the wanted subnet is in use by something else. */
export function openBridge(file: string, agentName: string, wanted: string | undefined): Bridge {
  const name = `proffer-${agentTag(agentName)}`;
  const kept = read(file);
  if (kept !== undefined && (wanted === undefined || kept.subnet === wanted)) return kept;
  const used = usedSubnets(name);
  const subnet = wanted === undefined ? chooseSubnet(Number.parseInt(agentTag(agentName).slice(0, 2), 16), used) : parseSubnet(wanted);
  const conflict = used.find((other) => overlap(other, subnet));
  if (conflict !== undefined) {
    throw new Error(`bridgeSubnet: ${formatSubnet(subnet)} overlaps ${formatSubnet(conflict)}, which an interface or route of this ` +
      'machine uses; give the agent another one, or leave it out');
  }
  const bridge = { name, subnet: formatSubnet(subnet) };
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  writeFileSync(`${file}.new`, JSON.stringify(bridge));
  renameSync(`${file}.new`, file);
  return bridge;
}

/**
 * The network as CNI describes it. Translation, forwarding and published ports are not the plugins' (`rules.ts`): theirs
 * are per container and cost 20 ms each, ours are a few for the whole bridge.
 */
export function bridgeConfig(bridge: Bridge, leases: string, withBandwidth: boolean): NetworkConfig {
  const plugin: PluginConfig = {
    type: 'bridge',
    capabilities: { ips: true },
    bridge: bridge.name,
    isGateway: true,
    hairpinMode: true,
    ipam: {
      type: 'host-local',
      dataDir: leases,
      ranges: [[{ subnet: bridge.subnet }]],
      routes: [{ dst: '0.0.0.0/0' }],
    },
  };
  return { cniVersion: '1.0.0', name: BRIDGE_NETWORK, plugins: withBandwidth ? [plugin, BANDWIDTH_PLUGIN] : [plugin] };
}

function read(file: string): Bridge | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Bridge;
  } catch {
    return undefined;
  }
}
