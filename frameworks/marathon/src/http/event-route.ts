import { streamEvents, Type, type HttpServer, type LoggedEvent } from '@proffer/sdk/service';
import type { MarathonEvent } from '../core/index.js';
import type { ApiOptions } from './api.js';

const EventsQuery = Type.Object({ event_type: Type.Array(Type.String(), { default: [] }) });

/** Events as they happen; with `Last-Event-ID` those that were missed first, and a `gap` where some are not kept any more. */
export function addEventRoute(api: HttpServer, { runner }: ApiOptions): void {
  const { events } = runner;

  api.get('/v2/events', { schema: { querystring: EventsQuery } }, (request, reply) => {
    const wanted = new Set(request.query.event_type);
    const passes = ({ event }: LoggedEvent<MarathonEvent>): boolean => wanted.size === 0 || wanted.has(event.eventType);
    const remoteAddress = request.ip;
    let unsubscribe: () => void = () => undefined;
    const stream = streamEvents(reply, {
      onEnd: () => {
        unsubscribe();
        runner.announce('event_stream_detached', { remoteAddress });
      },
    });
    const send = (entry: LoggedEvent<MarathonEvent>): void => {
      if (passes(entry)) stream.send({ id: entry.id, event: entry.event.eventType, data: entry.event });
    };
    const last = Number(request.headers['last-event-id']);
    const replay = request.headers['last-event-id'] === undefined || Number.isNaN(last) ? undefined : events.since(last);
    if (replay?.gap !== undefined) {
      stream.send({ event: 'gap', data: { eventType: 'gap', timestamp: new Date(runner.now).toISOString(), ...replay.gap } });
    }
    for (const entry of replay?.events ?? []) send(entry);
    // Nothing happens between the replay and this: ids only grow.
    unsubscribe = events.subscribe(send);
    runner.announce('event_stream_attached', { remoteAddress });
  });
}
