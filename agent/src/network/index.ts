export { Networks, type NetworkNative } from './networks.js';
export type { NetworkOptions } from './options.js';
export { PortWatch } from './port-watch.js';
export { systemIptables } from './rules.js';
