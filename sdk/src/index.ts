export * from './model/index.js';
export * from './scheduler/index.js';
export * from './executor/index.js';
