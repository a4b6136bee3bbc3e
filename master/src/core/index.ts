export { MasterCore } from './core.js';
export type { Counters } from './counters.js';
export * from './types.js';
export type * from './views.js';
