/** An executor as a framework would write one: every task runs until it is killed. */
import { writeFileSync } from 'node:fs';
import process from 'node:process';
import { ExecutorDriver } from '@proffer/sdk';

const driver = new ExecutorDriver({
  launch: ({ taskId }) => {
    writeFileSync(`task-${taskId}`, 'launched');
    driver.sendStatusUpdate({ taskId, state: 'TASK_RUNNING' });
  },
  kill: (taskId) => void driver.sendStatusUpdate({ taskId, state: 'TASK_KILLED' }),
  shutdown: () => void driver.stop().then(() => process.exit(0)),
});
driver.start();
// The link alone does not keep a process alive.
setInterval(() => undefined, 60_000);
