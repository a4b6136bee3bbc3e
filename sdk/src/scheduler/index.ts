export { PROTOCOL_ERRORS, SchedulerDriver, type MasterLink, type SchedulerDriverOptions } from './driver.js';
export type { FleetTask } from './fleet.js';
export { Scheduler, type SchedulerEvents, type SchedulerOptions } from './scheduler.js';
export type { TaskSet } from './task-set.js';
export type * from './types.js';
