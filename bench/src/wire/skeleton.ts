/**
 * What the wire alone can do: a master without a mind. The same links, checks and messages, but no allocator, no
 * validation of tasks, no books: it passes on what it gets and offers an agent's room again when a task ends.
 */
import type { AgentToMaster, SchedulerCall } from '@proffer/sdk/protocol';
import { zmqAcceptor } from '@proffer/sdk/transport';
import { roomFor, TASK, tellParent } from './parts.js';

let framework = '';
let offers = 0;
const peers = new Map<string, string>();
const room = new Map<string, number>();
const freed = new Map<string, number>();

process.on('disconnect', () => process.exit(0));
const link = await zmqAcceptor<'agent' | 'framework'>({ bind: 'tcp://127.0.0.1:*', kinds: ['agent', 'framework'] }, { onMessages, onClosed: () => {} });
tellParent({ type: 'listening', endpoint: link.endpoint });

function onMessages(peer: string, messages: readonly (AgentToMaster | SchedulerCall)[]): void {
  for (const message of messages) onMessage(peer, message);
  offerFreed();
}

function onMessage(peer: string, message: AgentToMaster | SchedulerCall): void {
  if (message.type === 'UPDATE') {
    link.send(framework, { type: 'UPDATE', status: message.status });
    const { agentId } = message.status;
    if (agentId !== undefined) freed.set(agentId, (freed.get(agentId) ?? 0) + 1);
  } else if (message.type === 'ACKNOWLEDGE') {
    link.send(peers.get(message.agentId)!, { type: 'ACKNOWLEDGE', frameworkId: 'bench', taskId: message.taskId, uuid: message.uuid });
  } else if (message.type === 'ACCEPT') {
    for (const { taskInfos } of message.operations) {
      link.send(peers.get(taskInfos[0]!.agentId)!, { type: 'LAUNCH', frameworkId: 'bench', role: '*', tasks: taskInfos });
    }
  } else if (message.type === 'REGISTER_AGENT') {
    peers.set(message.agentId, peer);
    room.set(message.agentId, message.agentInfo.resources.cpus / TASK.cpus);
    link.send(peer, { type: 'AGENT_REGISTERED', agentId: message.agentId, removedFrameworks: [] });
  } else if (message.type === 'SUBSCRIBE') {
    framework = peer;
    for (const [agentId, count] of room) freed.set(agentId, count);
    link.send(peer, { type: 'SUBSCRIBED', frameworkId: 'bench', heartbeatIntervalSeconds: 5, masterInfo: { masterId: 'skeleton', version: 'bench' } });
  }
}

function offerFreed(): void {
  if (framework === '' || freed.size === 0) return;
  const list = Array.from(freed, ([agentId, count]) => ({
    offerId: `offer-${++offers}`,
    frameworkId: 'bench',
    agentId,
    hostname: agentId,
    role: '*',
    resources: roomFor(count),
    attributes: [],
    demand: [{ name: 'task', count }],
  }));
  freed.clear();
  link.send(framework, { type: 'OFFERS', offers: list });
}
