/** How a task is contained, as schemas: the model's `container.ts`. */
import { Type } from '@sinclair/typebox';
import type * as model from '../model/index.js';
import { as, Bytes, closed, Count, literals, Name, Pairs, Port, Seconds, Text } from './basic-schemas.js';
import { TASK_BODY_BYTES_MAX } from './limits.js';

const Path = Type.String({ minLength: 1, maxLength: 4096 });
const Names = Type.Array(Name, { maxItems: 256 });
const Mebibytes = Type.Number({ exclusiveMinimum: 0, maximum: 1e9 });
const Amount = Type.Union([Type.Integer({ minimum: 0 }), Type.Literal('unlimited')]);

export const ImageInfo = as<model.ImageInfo>(
  Type.Object(
    {
      name: Type.String({ minLength: 1, maxLength: 512 }),
      forcePull: Type.Optional(Type.Boolean()),
      credential: Type.Optional(Type.Object({ username: Name, password: Text }, closed)),
      keepLayerAs: Type.Optional(Type.String({ minLength: 1, maxLength: 128 })),
    },
    closed,
  ),
);

export const NetworkInfo = as<model.NetworkInfo>(
  Type.Object(
    {
      name: Type.String({ minLength: 1, maxLength: 128 }),
      labels: Type.Optional(Pairs),
      ipAddress: Type.Optional(Name),
      aliases: Type.Optional(Names),
    },
    closed,
  ),
);

export const PortMapping = as<model.PortMapping>(
  Type.Object(
    {
      hostPort: Port,
      containerPort: Port,
      protocol: Type.Optional(literals(['tcp', 'udp'])),
      hostIp: Type.Optional(Name),
    },
    closed,
  ),
);

export const Volume = as<model.Volume>(
  Type.Object(
    {
      containerPath: Path,
      readOnly: Type.Optional(Type.Boolean()),
      hostPath: Type.Optional(Path),
      sandboxPath: Type.Optional(Path),
      tmpfs: Type.Optional(
        Type.Object({ sizeMib: Type.Optional(Mebibytes), mode: Type.Optional(Type.Integer({ minimum: 0, maximum: 0o7777 })) }, closed),
      ),
      image: Type.Optional(Type.String({ minLength: 1, maxLength: 512 })),
      secret: Type.Optional(Type.Object({ value: Bytes }, closed)),
      propagation: Type.Optional(literals(['private', 'slave', 'shared'])),
    },
    closed,
  ),
);

export const IoInfo = as<model.IoInfo>(
  Type.Object(
    {
      weight: Type.Optional(Type.Integer({ minimum: 10, maximum: 1000 })),
      throttles: Type.Optional(
        Type.Array(
          Type.Object(
            {
              device: Path,
              readBytes: Type.Optional(Count),
              writeBytes: Type.Optional(Count),
              readOperations: Type.Optional(Count),
              writeOperations: Type.Optional(Count),
            },
            closed,
          ),
          { maxItems: 64 },
        ),
      ),
    },
    closed,
  ),
);

export const LinuxInfo = as<model.LinuxInfo>(
  Type.Object(
    {
      capabilities: Type.Optional(Type.Object({ add: Type.Optional(Names), drop: Type.Optional(Names) }, closed)),
      seccomp: Type.Optional(Type.String({ maxLength: TASK_BODY_BYTES_MAX })),
      noNewPrivileges: Type.Optional(Type.Boolean()),
      rlimits: Type.Optional(Type.Array(Type.Object({ name: Name, soft: Amount, hard: Amount }, closed), { maxItems: 32 })),
      readOnlyRoot: Type.Optional(Type.Boolean()),
      userNamespace: Type.Optional(Type.Boolean()),
      timeOffsetSeconds: Type.Optional(Type.Integer({ minimum: -1e9, maximum: 1e9 })),
      cpuset: Type.Optional(
        Type.Union([Type.Array(Type.Integer({ minimum: 0, maximum: 8191 }), { minItems: 1, maxItems: 8192 }), Type.Literal('exclusive')]),
      ),
      cpuRealtimeUs: Type.Optional(Count),
      cpuBurstUs: Type.Optional(Count),
      memorySoftLimitMib: Type.Optional(Mebibytes),
      io: Type.Optional(IoInfo),
      hugepages: Type.Optional(Type.Array(Type.Object({ size: Name, limitMib: Mebibytes }, closed), { maxItems: 8 })),
      devices: Type.Optional(Type.Array(Type.Object({ path: Path, access: Type.Optional(Name) }, closed), { maxItems: 64 })),
      enforceDisk: Type.Optional(Type.Boolean()),
      netClassId: Type.Optional(Type.Integer({ minimum: 0, maximum: 0xffffffff })),
      shmMib: Type.Optional(Mebibytes),
      init: Type.Optional(literals(['launcher', 'system'])),
      sharePid: Type.Optional(Type.Boolean()),
      shareIpc: Type.Optional(Type.Boolean()),
    },
    closed,
  ),
);

export const RestartPolicy = as<model.RestartPolicy>(
  Type.Object(
    { on: literals(['failure', 'always']), retriesMax: Type.Optional(Count), delaySeconds: Type.Optional(Seconds) },
    closed,
  ),
);

export const ContainerInfo = as<model.ContainerInfo>(
  Type.Object(
    {
      hostname: Type.Optional(Name),
      pidsLimit: Type.Optional(Type.Integer({ minimum: 1, maximum: 4194304 })),
      image: Type.Optional(ImageInfo),
      networks: Type.Optional(Type.Array(NetworkInfo, { maxItems: 16 })),
      portMappings: Type.Optional(Type.Array(PortMapping, { maxItems: 1024 })),
      volumes: Type.Optional(Type.Array(Volume, { maxItems: 256 })),
      linux: Type.Optional(LinuxInfo),
      terminal: Type.Optional(
        Type.Object(
          {
            columns: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000 })),
            rows: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000 })),
          },
          closed,
        ),
      ),
      stdin: Type.Optional(Type.Boolean()),
      restart: Type.Optional(RestartPolicy),
    },
    closed,
  ),
);
