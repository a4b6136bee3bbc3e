export * from './clock.js';
export type * from './types.js';
