export * from './fake-containerizer.js';
export * from './fake-machine.js';
export * from './fake-master.js';
