import { isTerminal } from '@proffer/sdk/model';
import { markAgentGone } from './agents.js';
import type { Cluster } from './cluster.js';
import { killTask } from './control.js';
import { removeFramework } from './framework-removal.js';
import { rescindOffer } from './offers.js';
import type { Framework } from './state.js';
import { OperatorError, type OperatorCall } from './types.js';

/** What an operator asks. Throws OperatorError, having changed nothing, where it cannot be done. */
export function callOperator(cluster: Cluster, call: OperatorCall): void {
  switch (call.type) {
    case 'killTask': {
      const framework = findFramework(cluster, call.frameworkId);
      const task = framework.tasks.get(call.taskId);
      if (task === undefined) {
        throw new OperatorError('NOT_FOUND', `framework "${call.frameworkId}" has no task "${call.taskId}"`);
      }
      if (isTerminal(task.state)) {
        throw new OperatorError('CONFLICT', `task "${call.taskId}" has ended already, in ${task.state}`);
      }
      killTask(cluster, framework, { type: 'KILL', taskId: call.taskId });
      return;
    }
    case 'teardown':
      removeFramework(cluster, findFramework(cluster, call.frameworkId), 'an operator tore it down');
      return;
    case 'markAgentGone': {
      const agent = cluster.agents.get(call.agentId);
      if (agent === undefined) throw new OperatorError('NOT_FOUND', `there is no agent "${call.agentId}"`);
      markAgentGone(cluster, agent);
      return;
    }
    case 'setWeight':
      setWeight(cluster, call.role, call.weight);
  }
}

/** Takes back what is offered in the role: it was shared out by the old weight. */
function setWeight(cluster: Cluster, role: string, weight: number): void {
  if (!(weight > 0 && weight < Infinity)) {
    throw new OperatorError('CONFLICT', `the weight of role "${role}" must be above 0, got ${weight}`);
  }
  cluster.persist({ type: 'setWeight', role, weight }, () => {
    cluster.allocator.setWeight(role, weight);
    for (const held of cluster.offers.values()) if (held.grant.role === role) rescindOffer(cluster, held);
  });
}

function findFramework(cluster: Cluster, frameworkId: string): Framework {
  const framework = cluster.frameworks.get(frameworkId);
  if (framework === undefined) throw new OperatorError('NOT_FOUND', `there is no framework "${frameworkId}"`);
  if (framework.state === 'removed' || framework.removing) {
    throw new OperatorError('CONFLICT', `framework "${frameworkId}" is removed already`);
  }
  return framework;
}
