import type { Static, TSchema } from '@proffer/sdk/service';

/** A request whose query fits the schema. */
export interface FastifyRequest<Query extends TSchema> {
  readonly query: Static<Query>;
  readonly body: unknown;
  readonly params: unknown;
  readonly ip: string;
  readonly url: string;
}

/** What routes do with their answers. */
export interface FastifyReply {
  code(status: number): FastifyReply;
  header(name: string, value: string): FastifyReply;
}

