import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { HttpError, Type, type HttpServer } from '@proffer/sdk/service';
import type { Clock } from '@proffer/sdk/transport';
import type { TaskView } from '../core/types.js';
import type { Sandboxes } from '../sandboxes.js';
import { readContent } from './content.js';
import { listDirectory } from './listing.js';

/** Followed files at once: each costs a descriptor and a look five times a second. */
export const FOLLOWERS_MAX = 256;

const Task = Type.Object({ frameworkId: Type.String(), taskId: Type.String() });
const Path = Type.String({ default: '.' });

export interface FilesOptions {
  readonly sandboxes: Sandboxes;
  readonly clock: Clock;
  /** A task that the agent has not forgotten. */
  readonly task: (frameworkId: string, taskId: string) => TaskView | undefined;
}

/** `/frameworks/:frameworkId/tasks/:taskId/files` and `…/files/content`: sandboxes of running and ended tasks. */
export function serveFiles(app: HttpServer, { sandboxes, clock, task: taskOf }: FilesOptions): void {
  let followers = 0;
  let closing = false;
  app.addHook('preClose', (done) => {
    closing = true;
    done();
  });

  const sandboxOf = async (frameworkId: string, taskId: string): Promise<string> => {
    const sandbox = await sandboxes.find(frameworkId, taskId, taskOf(frameworkId, taskId)?.containerId);
    if (sandbox !== undefined) return sandbox;
    const task = `task ${taskId} of framework ${frameworkId}`;
    throw new HttpError(404, `there is no sandbox of ${task} here: it never ran, or its files were removed`);
  };

  app.get('/frameworks/:frameworkId/tasks/:taskId/files', {
    schema: { params: Task, querystring: Type.Object({ path: Path }) },
  }, async (request) => {
    const { frameworkId, taskId } = request.params;
    const { path } = request.query;
    return { path, files: await listDirectory(await sandboxOf(frameworkId, taskId), path) };
  });

  app.get('/frameworks/:frameworkId/tasks/:taskId/files/content', {
    schema: {
      params: Task,
      querystring: Type.Object({
        path: Type.String(),
        offset: Type.Integer({ default: 0 }),
        length: Type.Optional(Type.Integer({ minimum: 0 })),
        follow: Type.Boolean({ default: false }),
      }),
    },
  }, async (request, reply) => {
    const { frameworkId, taskId } = request.params;
    const { path, offset, length, follow } = request.query;
    if (follow && followers >= FOLLOWERS_MAX) {
      throw new HttpError(503, `${FOLLOWERS_MAX} files are followed already; try again when one is not any more`);
    }
    const root = await sandboxOf(frameworkId, taskId);
    const isAlive = () => !closing && !(taskOf(frameworkId, taskId)?.ended ?? true);
    const content = await readContent({ root, path, offset, ...(length !== undefined && { length }), follow, isAlive }, clock);
    // Sent by hand, so that who follows a silent file hears at once that it is there.
    reply.hijack();
    reply.raw.writeHead(200, {
      'content-type': isText(path) ? 'text/plain; charset=utf-8' : 'application/octet-stream',
      // A task's file must not run as a page of this server.
      'x-content-type-options': 'nosniff',
      'cache-control': 'no-store',
      'x-file-size': content.size,
      'x-file-offset': content.offset,
    });
    reply.raw.flushHeaders();
    if (follow) followers += 1;
    // Whoever breaks it off, the reader or a failing disk: the connection ends, which tells the reader that it is not all.
    await pipeline(Readable.from(content.chunks, { objectMode: false }), reply.raw).catch(() => undefined);
    if (follow) followers -= 1;
  });
}

const TEXT = /(^|\/)(stdout|stderr)(\.\d+)?$|\.(txt|log|md|json|ya?ml|csv|xml|html?|js|ts|sh|py|conf|ini|properties)$/i;

function isText(path: string): boolean {
  return TEXT.test(path);
}
