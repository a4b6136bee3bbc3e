/** An executor that runs its framework's jobs inside one process: a job costs no process, no container, only a message. */
import { ExecutorDriver, type ExecutorDriverOptions } from '@proffer/sdk';
import { countPrimes, packAnswer, unpackJob } from './jobs.js';

/** Starts the executor. Started by an agent it needs no options. */
export function startExecutor(options?: ExecutorDriverOptions): ExecutorDriver {
  const jobs = new Set<string>();
  const driver = new ExecutorDriver(
    {
      launch(task) {
        jobs.add(task.taskId);
        driver.sendStatusUpdate({ taskId: task.taskId, state: 'TASK_RUNNING' });
        void run(task.taskId, task.data);
      },
      kill: (taskId) => jobs.delete(taskId),
      shutdown() {
        jobs.clear();
        // The jobs say that they were killed first.
        setImmediate(() => void driver.stop());
      },
    },
    options,
  );

  async function run(taskId: string, data: Uint8Array | undefined): Promise<void> {
    try {
      const answer = await countPrimes(unpackJob(data), () => !jobs.has(taskId));
      if (answer === undefined) driver.sendStatusUpdate({ taskId, state: 'TASK_KILLED' });
      else driver.sendStatusUpdate({ taskId, state: 'TASK_FINISHED', data: packAnswer(answer) });
    } catch (error) {
      driver.sendStatusUpdate({ taskId, state: 'TASK_FAILED', message: (error as Error).message });
    } finally {
      jobs.delete(taskId);
    }
  }

  driver.start();
  return driver;
}

if (import.meta.filename === process.argv[1]) startExecutor();
