export { DEFAULT_RECOVERY_TIMEOUT_MS, ExecutorDriver, type ExecutorDriverOptions } from './driver.js';
export { readExecutorEnvironment, type ExecutorEnvironment } from './environment.js';
export type * from './types.js';
