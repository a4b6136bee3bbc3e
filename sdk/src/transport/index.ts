export * from './clock.js';
export { MemoryNetwork, type MemoryNetworkOptions, type Passage } from './memory-network.js';
export * from './timing.js';
export type * from './types.js';
export { VirtualClock } from './virtual-clock.js';
export { zmqAcceptor, type ZmqAcceptor, type ZmqAcceptorOptions } from './zmq-acceptor.js';
export { zmqOpener, type ZmqOpenerOptions } from './zmq-opener.js';
