import type { FromAgent, ProtocolErrorCode } from '@proffer/sdk/protocol';
import { loseAgent, retireAgent } from './agent-loss.js';
import { takeInventory } from './agent-inventory.js';
import { agentRecord, setAgentState } from './agent-state.js';
import type { Cluster } from './cluster.js';
import { sendKill, sendKills } from './control.js';
import { AGENTS_MAX } from './limits.js';
import { rescindOffersOf } from './offers.js';
import { answerQuestions } from './reconciliation.js';
import { Agent } from './state.js';
import type { AgentRecord, PeerId } from './types.js';
import { invalidRegistration } from './validation.js';

/** REGISTER_AGENT: the first time the registry hears of it before the agent does. */
export function registerAgent(cluster: Cluster, peer: PeerId, message: FromAgent<'REGISTER_AGENT'>): void {
  const fault = invalidRegistration(message);
  if (fault !== undefined) {
    cluster.refuse(peer, 'INVALID_MESSAGE', `REGISTER_AGENT refused: ${fault}`);
    return;
  }
  const agent = cluster.agents.get(message.agentId) ?? newAgent(cluster, message);
  if (agent === undefined) {
    cluster.refuse(
      peer,
      'INVALID_MESSAGE',
      `REGISTER_AGENT refused: ${AGENTS_MAX} agents are known, the most this master remembers`,
    );
    return;
  }
  if (agent.recorded === 'gone') {
    cluster.refuse(
      peer,
      'AGENT_GONE',
      `agent "${agent.agentId}" was marked gone; start it with a new work directory to give it a new id`,
    );
    return;
  }
  bind(cluster, agent, peer);
  if (agent.recorded === 'admitted') {
    completeRegistration(cluster, agent, message);
    return;
  }
  const begun = agent.registration !== undefined;
  agent.registration = message;
  if (!begun) admit(cluster, agent, message.agentInfo.hostname);
}

function newAgent(cluster: Cluster, message: FromAgent<'REGISTER_AGENT'>): Agent | undefined {
  if (cluster.agents.size >= AGENTS_MAX) return undefined;
  const agent = new Agent(message.agentId, message.agentInfo.hostname, 'admitting', cluster.now);
  cluster.agents.set(agent.agentId, agent);
  return agent;
}

/** The newest session of an agent wins. */
function bind(cluster: Cluster, agent: Agent, peer: PeerId): void {
  if (agent.peer !== undefined && agent.peer !== peer) {
    cluster.reset(agent.peer, 'UNKNOWN_SESSION', `agent "${agent.agentId}" has registered in another session`);
  }
  agent.peer = peer;
  agent.deadline?.cancel();
  agent.deadline = undefined;
  cluster.sessions.set(peer, { agent });
}

function admit(cluster: Cluster, agent: Agent, hostname: string): void {
  cluster.persist({ type: 'saveAgent', agent: agentRecord(agent, hostname, 'admitted', cluster.now) }, () => {
    const message = agent.registration;
    agent.registration = undefined;
    if (message === undefined || agent.recorded === 'gone') return;
    agent.recorded = 'admitted';
    if (agent.peer !== undefined) completeRegistration(cluster, agent, message);
    else if (agent.state === 'admitting') disconnect(cluster, agent, cluster.config.reconnectTimeoutMs);
    else loseAgent(cluster, agent);
  });
}

function completeRegistration(cluster: Cluster, agent: Agent, message: FromAgent<'REGISTER_AGENT'>): void {
  const lost = agent.state === 'unreachable';
  const first = agent.state === 'admitting';
  if (!first && agent.info.hostname !== message.agentInfo.hostname) {
    cluster.persist({ type: 'saveAgent', agent: agentRecord(agent, message.agentInfo.hostname, 'admitted', cluster.now) });
  }
  if (first) cluster.counters.agentRegistrations++;
  else cluster.counters.agentReregistrations++;
  rescindOffersOf(cluster, agent);
  cluster.unreachable.delete(agent);
  const recovered = cluster.recovering.delete(agent);
  setAgentState(cluster, agent, 'registered');
  agent.registeredAt = cluster.now;
  const { frameworks, tasks } = takeInventory(cluster, agent, message, { lost, recovered });
  cluster.send(agent, { type: 'AGENT_REGISTERED', agentId: agent.agentId, removedFrameworks: [...frameworks] });
  for (const task of tasks) sendKill(cluster, { ...task, agent });
  sendKills(cluster, agent);
  if (recovered) answerQuestions(cluster, agent);
}

/**
 * The agent's link is gone: nothing is offered of it, and it counts as lost after a while, or at once if it was silent for
 * so long that the link gave it up.
 */
export function disconnectAgent(cluster: Cluster, agent: Agent, code: ProtocolErrorCode): void {
  agent.peer = undefined;
  if (agent.state === 'registered') disconnect(cluster, agent, code === 'PEER_LOST' ? 0 : cluster.config.reconnectTimeoutMs);
}

function disconnect(cluster: Cluster, agent: Agent, patienceMs: number): void {
  setAgentState(cluster, agent, 'disconnected');
  rescindOffersOf(cluster, agent);
  cluster.allocator.setAgentActive(agent.agentId, false);
  agent.deadline = cluster.deadlines.set(cluster.now + patienceMs, () => loseAgent(cluster, agent));
}

/** An agent that the registry names when the master starts. */
export function recoverAgent(cluster: Cluster, known: AgentRecord): void {
  const state = known.state === 'admitted' ? 'recovering' : known.state;
  const agent = new Agent(known.agentId, known.hostname, state, known.since);
  agent.recorded = known.state;
  cluster.agents.set(agent.agentId, agent);
  if (state === 'recovering') cluster.recovering.add(agent);
  if (state === 'unreachable') cluster.unreachable.add(agent);
}

/** Those that did not come back in time after a change of master are lost. */
export function endRecovery(cluster: Cluster): void {
  for (const agent of cluster.recovering) loseAgent(cluster, agent);
}

/** An operator says that the agent will never come back. */
export function markAgentGone(cluster: Cluster, agent: Agent): void {
  if (agent.recorded === 'gone') return;
  agent.recorded = 'gone';
  agent.deadline?.cancel();
  rescindOffersOf(cluster, agent);
  cluster.allocator.setAgentActive(agent.agentId, false);
  cluster.persist({ type: 'saveAgent', agent: agentRecord(agent, agent.info.hostname, 'gone', cluster.now) }, () => {
    retireAgent(cluster, agent, 'gone');
    if (agent.peer !== undefined) cluster.refuse(agent.peer, 'AGENT_GONE', `agent "${agent.agentId}" was marked gone`);
    agent.peer = undefined;
  });
}
