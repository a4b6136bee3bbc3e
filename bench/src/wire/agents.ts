/** All simulated agents of a run, in one process: each a link of its own; each launch is answered with one final status. */
import type { ToAgent } from '@proffer/sdk/protocol';
import { zmqOpener } from '@proffer/sdk/transport';
import { context } from 'zeromq';
import { roomFor, serveParent, tellParent, type RunSettings } from './parts.js';

serveParent(start, () => undefined);

function start({ endpoint, agents, window }: RunSettings): void {
  // Each link is a socket, the pair that watches it, and one that is being replaced.
  context.maxSockets = Math.max(1023, 4 * agents);
  const room = roomFor(Math.ceil(window / agents));
  let registered = 0;
  let updates = 0;
  for (let i = 0; i < agents; i++) {
    const agentId = `agent-${i}`;
    const launch = ({ frameworkId, tasks }: ToAgent<'LAUNCH'>): void => {
      for (const { taskId } of tasks) {
        const uuid = `${agentId}-${++updates}`;
        const status = { taskId, agentId, uuid, state: 'TASK_FINISHED', source: 'SOURCE_AGENT', timestamp: Date.now() / 1000 } as const;
        link.send({ type: 'UPDATE', frameworkId, status, latestState: 'TASK_FINISHED' });
      }
    };
    const link = zmqOpener({ endpoint, kind: 'agent' })({
      onOpen: () => {
        const agentInfo = { hostname: agentId, httpAddress: 'none', resources: room, attributes: [], version: 'bench' };
        link.send({ type: 'REGISTER_AGENT', agentId, agentInfo, tasks: [], executors: [] });
      },
      onMessages: (messages) => {
        for (const message of messages) {
          if (message.type === 'LAUNCH') launch(message);
          else if (message.type === 'AGENT_REGISTERED' && ++registered === agents) tellParent({ type: 'ready' });
        }
      },
      onClosed: () => {},
    });
  }
}
