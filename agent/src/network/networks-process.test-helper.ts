/** Uses a network as an agent does, in a network namespace that its caller made: what it is told on standard input, line by line. */
import { randomBytes } from 'node:crypto';
import { createInterface } from 'node:readline';
import { makeNetworkNamespace, removeBridge, removeNetworkNamespace } from '@proffer/isolator-native';
import { Networks, systemIptables } from './index.js';
import type { NetworkOptions } from './options.js';
import type { Member } from './networks.js';
import type { NetworkWish } from './wish.js';

const [directory = '', options = '{}'] = process.argv.slice(2);
const networks = new Networks({
  directory,
  agentName: 'agent-of-a-test',
  options: JSON.parse(options) as NetworkOptions,
  native: { makeNetworkNamespace, removeBridge, removeNetworkNamespace },
  iptables: systemIptables,
  bootId: 'this',
  newId: () => randomBytes(6).toString('hex'),
  warn: (message) => console.error(message),
});

type Wanted = Extract<NetworkWish, { readonly kind: 'networks' }>;
type Call =
  | { readonly call: 'attach'; readonly member: Member; readonly wish: Wanted }
  | { readonly call: 'detach' | 'check'; readonly containerId: string }
  | { readonly call: 'retain'; readonly containerIds: readonly string[] }
  | { readonly call: 'close' };

async function answer(call: Call): Promise<object> {
  switch (call.call) {
    case 'attach': {
      const { containerId } = call.member;
      const began = performance.now();
      await networks.attach(call.member, call.wish);
      const milliseconds = performance.now() - began;
      return { namespace: networks.namespaceOf(containerId), addresses: networks.addresses(containerId), milliseconds };
    }
    case 'detach':
      networks.detach(call.containerId);
      return {};
    case 'check':
      await networks.check(call.containerId);
      return {};
    case 'retain':
      await networks.retain(new Set(call.containerIds));
      return {};
    case 'close':
      await networks.close();
      return {};
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  try {
    console.log(JSON.stringify(await answer(JSON.parse(line) as Call)));
  } catch (error) {
    console.log(JSON.stringify({ error: error instanceof Error ? error.message : String(error) }));
  }
}
