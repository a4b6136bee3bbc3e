/** A complete scheduler: keeps N copies of a command running and says what happens. Ctrl-C ends them all. */
import { parseArgs } from 'node:util';
import { Scheduler, type SchedulerOptions } from '@proffer/sdk';

export interface HelloOptions extends Omit<SchedulerOptions, 'framework'> {
  count: number;
  command: string;
  say?: (line: string) => void;
}

/** Starts the framework; it runs until its `teardown`, which ends its tasks, or `stop`, which leaves them running. */
export function hello({ count, command, say = console.log, ...options }: HelloOptions): Scheduler {
  return new Scheduler({ ...options, framework: { name: 'hello-framework' } })
    .on('subscribed', (id) => say(`subscribed as ${id}`))
    .on('disconnected', (why) => say(`no master: ${why}; the tasks run on`))
    .on('launched', (task, offer) => say(`${task.taskId} launched on ${offer.hostname}`))
    .on('status', (status) => say(`${status.taskId} is ${status.state} ${status.message ?? ''}`))
    .want({ name: 'hello', count, resources: 'cpus:0.1;mem:32', command })
    .start();
}

if (import.meta.filename === process.argv[1]) {
  const { values } = parseArgs({
    options: {
      master: { type: 'string', default: 'tcp://127.0.0.1:5060' },
      count: { type: 'string', default: '3' },
      command: { type: 'string', default: 'while echo "hello from $(hostname)"; do sleep 5; done' },
    },
  });
  const scheduler = hello({ ...values, count: Number(values.count) });
  process.once('SIGINT', () => void scheduler.teardown());
}
