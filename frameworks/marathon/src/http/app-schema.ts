import { Type } from '@proffer/sdk/service';
import { CONSTRAINT_OPERATORS, HEALTH_PROTOCOLS } from '../core/index.js';

const Texts = Type.Record(Type.String(), Type.String());
const strict = { additionalProperties: false } as const;

/** The types of what users may give; bounds and what belongs together are checked by the core, on the whole definition. */
export const AppJson = Type.Partial(
  Type.Object(
    {
      id: Type.String(),
      version: Type.String(),
      cmd: Type.String(),
      args: Type.Array(Type.String()),
      cpus: Type.Number(),
      mem: Type.Number(),
      disk: Type.Number(),
      gpus: Type.Number(),
      instances: Type.Number(),
      env: Texts,
      labels: Texts,
      user: Type.String(),
      fetch: Type.Array(
        Type.Object(
          {
            uri: Type.String(),
            extract: Type.Boolean({ default: true }),
            executable: Type.Boolean({ default: false }),
            cache: Type.Boolean({ default: false }),
            destPath: Type.Optional(Type.String()),
          },
          strict,
        ),
      ),
      uris: Type.Array(Type.String()),
      ports: Type.Array(Type.Number()),
      portDefinitions: Type.Array(
        Type.Object(
          {
            port: Type.Number({ default: 0 }),
            name: Type.Optional(Type.String()),
            protocol: Type.Union([Type.Literal('tcp'), Type.Literal('udp'), Type.Literal('udp,tcp')], { default: 'tcp' }),
            labels: Type.Record(Type.String(), Type.String(), { default: {} }),
          },
          strict,
        ),
      ),
      requirePorts: Type.Boolean(),
      healthChecks: Type.Array(
        Type.Object(
          {
            protocol: Type.Union(
              HEALTH_PROTOCOLS.map((name) => Type.Literal(name)),
              { default: 'HTTP' },
            ),
            path: Type.Optional(Type.String()),
            port: Type.Optional(Type.Integer()),
            portIndex: Type.Optional(Type.Integer()),
            command: Type.Optional(Type.Object({ value: Type.String() }, strict)),
            gracePeriodSeconds: Type.Number({ default: 300 }),
            intervalSeconds: Type.Number({ default: 60 }),
            timeoutSeconds: Type.Number({ default: 20 }),
            maxConsecutiveFailures: Type.Number({ default: 3 }),
            delaySeconds: Type.Optional(Type.Number()),
          },
          strict,
        ),
      ),
      backoffSeconds: Type.Number(),
      backoffFactor: Type.Number(),
      maxLaunchDelaySeconds: Type.Number(),
      upgradeStrategy: Type.Object(
        { minimumHealthCapacity: Type.Number({ default: 1 }), maximumOverCapacity: Type.Number({ default: 1 }) },
        strict,
      ),
      killSelection: Type.Union([Type.Literal('YOUNGEST_FIRST'), Type.Literal('OLDEST_FIRST')]),
      taskKillGracePeriodSeconds: Type.Number(),
      unreachableStrategy: Type.Union([
        Type.Literal('disabled'),
        Type.Object(
          { inactiveAfterSeconds: Type.Number({ default: 0 }), expungeAfterSeconds: Type.Number({ default: 0 }) },
          strict,
        ),
      ]),
      constraints: Type.Array(
        Type.Union([
          Type.Tuple([Type.String(), Type.Union(CONSTRAINT_OPERATORS.map((name) => Type.Literal(name)))]),
          Type.Tuple([Type.String(), Type.Union(CONSTRAINT_OPERATORS.map((name) => Type.Literal(name))), Type.String()]),
        ]),
      ),
      acceptedResourceRoles: Type.Array(Type.String()),
      role: Type.String(),
    },
    strict,
  ),
);
