import type { Cluster } from './cluster.js';
import type { Agent } from './state.js';
import type { AgentRecord } from './types.js';

export function setAgentState(cluster: Cluster, agent: Agent, state: Agent['state']): void {
  if (agent.state !== state) agent.since = cluster.now;
  agent.state = state;
  cluster.changes.agent(agent);
}

/** What the registry keeps of the agent. */
export function agentRecord(agent: Agent, hostname: string, state: AgentRecord['state'], since: number): AgentRecord {
  return { agentId: agent.agentId, hostname, state, since };
}
