export { DEFAULT_HTTP_PORT, DEFAULT_ZMQ_PORT, type MasterOptions, type RunningMaster } from './options.js';
export { startMaster } from './main.js';
export { VERSION } from './version.js';
