import { Type, type Static } from '@proffer/sdk/service';
import type { Runner } from '../runner.js';

const Flag = Type.Optional(Type.Boolean());

/** What may stand in the URI of a call that changes something; each call has its own defaults. */
export const WriteQuery = Type.Object({
  force: Flag,
  partialUpdate: Flag,
  scale: Flag,
  wipe: Flag,
  host: Type.Optional(Type.String()),
});

/** A call that changes something, as far as its route reads it. */
export interface WriteRequest {
  readonly query: Static<typeof WriteQuery>;
  readonly body: unknown;
  readonly params: unknown;
  readonly ip: string;
  readonly url: string;
}

/** The reply, as far as routes set it. */
export interface WriteReply {
  code(status: number): WriteReply;
  header(name: string, value: string): WriteReply;
}

/** Tells the readers of events who asked for what. */
export function announceCall(runner: Runner, { ip, url, body }: WriteRequest): void {
  runner.announce('api_post_event', { clientIp: ip, uri: url, appDefinition: body ?? null });
}
