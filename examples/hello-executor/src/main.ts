/** A framework with an executor of its own: many small jobs run inside one process on each agent. */
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { isTerminal, resources, Scheduler, type SchedulerOptions } from '@proffer/sdk';
import { packJob, unpackAnswer } from './jobs.js';

export interface JobsOptions extends Omit<SchedulerOptions, 'framework'> {
  readonly jobs: number;
  readonly say?: (line: string) => void;
}

/** Runs the jobs and ends the framework. Resolves to the answers, by the number of the job. */
export async function runJobs({ jobs, say = console.log, ...options }: JobsOptions): Promise<number[]> {
  const executor = {
    executorId: 'primes',
    command: {
      shell: false,
      value: process.execPath,
      arguments: [process.execPath, fileURLToPath(new URL('executor.js', import.meta.url))],
    },
    resources: resources({ cpus: 0.1, mem: 64 }),
  };
  const answers = new Map<number, number>();
  const scheduler = new Scheduler({ ...options, framework: { name: 'hello-executor' } });
  const done = new Promise<void>((resolve, reject) => {
    scheduler.on('error', reject).on('status', (status, task) => {
      if (task === undefined || !isTerminal(status.state)) return;
      say(`${task.set} on ${status.agentId}: ${status.state} ${status.message ?? ''}`);
      if (status.state === 'TASK_FINISHED') answers.set(Number(task.set.slice('job-'.length)), unpackAnswer(status.data));
      if (answers.size === jobs) resolve();
    });
  });
  for (let i = 0; i < jobs; i++) {
    const data = packJob({ below: (i + 1) * 10_000 });
    scheduler.want({ name: `job-${i}`, count: 1, resources: 'cpus:0.1;mem:16', executor, data, restart: 'onFailure' });
  }
  try {
    await (scheduler.start(), done);
  } finally {
    await scheduler.teardown();
  }
  return Array.from({ length: jobs }, (_, i) => answers.get(i)!);
}

if (import.meta.filename === process.argv[1]) {
  const { values } = parseArgs({
    options: { master: { type: 'string', default: 'tcp://127.0.0.1:5060' }, jobs: { type: 'string', default: '10' } },
  });
  const answers = await runJobs({ master: values.master, jobs: Number(values.jobs) });
  answers.forEach((count, i) => console.log(`${count} primes are below ${(i + 1) * 10_000}`));
}
