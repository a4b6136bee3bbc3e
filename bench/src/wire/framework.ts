/** The framework of a run: accepts every offer it gets with as many tasks as it was cut for, and acknowledges. */
import type { Offer } from '@proffer/sdk/model';
import { packBody, type SchedulerEvent, type TaskLaunch } from '@proffer/sdk/protocol';
import { zmqOpener } from '@proffer/sdk/transport';
import { serveParent, TASK, tellParent, type RunSettings } from './parts.js';

/** About what a real task's body weighs: 300 bytes. */
const BODY = packBody({ command: { shell: true, value: 'exec server --port $PORT0', environment: [['CONFIG', 'x'.repeat(240)]] } });

let finished = 0;
let latenciesMs: number[] = [];
let sampledAt = performance.now();
let cpu = process.cpuUsage();

serveParent(start, () => {
  const used = process.cpuUsage(cpu);
  const now = performance.now();
  const sample = { type: 'sample', finished, seconds: (now - sampledAt) / 1000, latenciesMs, cpuSeconds: (used.user + used.system) / 1e6 } as const;
  finished = 0;
  latenciesMs = [];
  sampledAt = now;
  cpu = process.cpuUsage();
  return sample;
});

function start({ endpoint, paceMs }: RunSettings): void {
  const waiting: Offer[] = [];
  const sentAt = new Map<string, number>();
  let launched = 0;
  let ready = false;

  const accept = (offer: Offer): void => {
    const count = offer.demand.reduce((sum, entry) => sum + entry.count, 0);
    const taskInfos: TaskLaunch[] = [];
    for (let i = 0; i < count; i++) {
      const taskId = `task-${++launched}`;
      if (paceMs > 0) sentAt.set(taskId, performance.now());
      taskInfos.push({ taskId, name: 'task', agentId: offer.agentId, resources: TASK, demand: 'task', body: BODY });
    }
    link.send({ type: 'ACCEPT', offerIds: [offer.offerId], operations: [{ type: 'LAUNCH', taskInfos }], filters: { refuseSeconds: 0 } });
  };

  const onEvent = (event: SchedulerEvent): void => {
    if (event.type === 'OFFERS') {
      if (paceMs > 0) waiting.push(...event.offers);
      else for (const offer of event.offers) accept(offer);
    } else if (event.type === 'UPDATE') {
      const { taskId, agentId, uuid } = event.status;
      if (uuid === undefined || agentId === undefined) throw new Error(`${taskId} is ${event.status.state}: ${event.status.message}`);
      link.send({ type: 'ACKNOWLEDGE', agentId, taskId, uuid });
      finished++;
      const sent = sentAt.get(taskId);
      if (sent === undefined) return;
      sentAt.delete(taskId);
      latenciesMs.push(performance.now() - sent);
    } else if (event.type === 'SUBSCRIBED' && !ready) {
      ready = true;
      tellParent({ type: 'ready' });
    } else if (event.type === 'RESCIND') {
      const index = waiting.findIndex(({ offerId }) => offerId === event.offerId);
      if (index >= 0) waiting.splice(index, 1);
    }
  };

  const link = zmqOpener({ endpoint, kind: 'framework' })({
    onOpen: () => link.send({ type: 'SUBSCRIBE', frameworkInfo: { name: 'bench' }, demand: [{ name: 'task', resources: TASK, count: 1e9 }] }),
    onMessages: (events) => events.forEach(onEvent),
    onClosed: () => {},
  });

  if (paceMs > 0) {
    setInterval(() => {
      const offer = waiting.shift();
      if (offer !== undefined) accept(offer);
    }, paceMs);
  }
}
