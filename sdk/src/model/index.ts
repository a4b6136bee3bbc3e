export * from './agent.js';
export type * from './container.js';
export * from './framework.js';
export * from './labels.js';
export * from './offer.js';
export * from './ranges.js';
export * from './resources.js';
export * from './status.js';
export * from './task.js';
