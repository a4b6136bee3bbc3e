import type { HttpServer } from '@proffer/sdk/service';
import type { ApiOptions } from './api.js';

/** What the framework is and where; it leads always, since there is one of it. */
export function addInfoRoutes(api: HttpServer, { runner, version, frameworkName, problem }: ApiOptions): void {
  const { context } = runner.core;
  const leader = (): string => {
    const address = api.server.address();
    return address === null || typeof address === 'string' ? (address ?? '') : `${address.address}:${address.port}`;
  };

  api.get('/ping', (_request, reply) => reply.type('text/plain; charset=utf-8').send('pong'));

  api.get('/v2/info', () => ({
    name: 'marathon',
    version,
    buildref: 'proffer',
    elected: true,
    leader: leader(),
    frameworkId: context.state.frameworkId ?? null,
    subscribed: problem() === undefined,
    marathon_config: {
      framework_name: frameworkName,
      mesos_role: context.options.role,
      failover_timeout: 604_800,
      checkpoint: true,
    },
    zookeeper_config: {},
    http_config: { http_port: leader().replace(/^.*:/, '') },
  }));

  api.get('/v2/leader', () => ({ leader: leader() }));
}
