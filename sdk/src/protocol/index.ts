export * from './agent.js';
export * from './errors.js';
export * from './executor.js';
export * from './limits.js';
export * from './link.js';
export * from './scheduler.js';
export * from './version.js';
