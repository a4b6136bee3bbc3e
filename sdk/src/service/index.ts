/** Schemas of routes are written with it. */
export { Type, type Static, type TObject, type TSchema } from '@sinclair/typebox';
export * from './bind.js';
export * from './event-log.js';
export {
  EVENT_STREAM_BYTES_MAX,
  KEEP_ALIVE_MS,
  streamEvents,
  type EventStream,
  type EventStreamOptions,
  type StreamedEvent,
} from './event-stream.js';
export { fieldError, HttpError, show, type ErrorBody, type HttpErrorDetails } from './http-error.js';
export * from './http-server.js';
export * from './logger.js';
export * from './memory-store.js';
export * from './metrics.js';
export * from './run-service.js';
export { STORE_KEY_BYTES_MAX } from './store-key.js';
export { openStore } from './store.js';
export { lockDirectory } from './store-lock.js';
export type * from './types.js';
export { compileSchema, fieldOf, type SchemaFault, type TypeBoxTypeProvider } from './validation.js';
/** Schemas of routes are written with it. */
