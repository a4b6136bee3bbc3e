import { KindGuard, type TSchema } from '@sinclair/typebox';
import test from 'ava';
import {
  parseResources,
  type AgentInfo,
  type Attribute,
  type CommandInfo,
  type ContainerInfo,
  type ContainerStatus,
  type Demand,
  type DiscoveryInfo,
  type DiscoveryPort,
  type ExecutorInfo,
  type Filters,
  type FrameworkInfo,
  type HealthCheck,
  type ImageInfo,
  type IoInfo,
  type KillPolicy,
  type LinuxInfo,
  type NetworkInfo,
  type Offer,
  type PortMapping,
  type ResourceLimits,
  type RestartPolicy,
  type TaskInfo,
  type TaskStatus,
  type Uri,
  type Volume,
} from '../model/index.js';
import { compileCheck } from './check.js';
import { packBody, unpackBody } from './body.js';
import * as containers from './container-schemas.js';
import * as schemas from './schemas.js';

const one = parseResources('cpus:1;ports:[1-2];license:1');
const attribute: Required<Attribute> = { name: 'rack', type: 'TEXT', value: 'r1' };
const uri: Required<Uri> = { value: 'http://x', extract: true, executable: false, cache: true, outputFile: 'f' };
const command: Required<CommandInfo> = {
  shell: false,
  value: '/bin/x',
  arguments: ['x'],
  environment: [['A', 'b']],
  uris: [uri],
  user: 'nobody',
};
const killPolicy: Required<KillPolicy> = { gracePeriodSeconds: 1 };
const limits: Required<ResourceLimits> = { cpus: 1, mem: 'unlimited' };
const executor: Required<ExecutorInfo> = { executorId: 'e', name: 'e', command, resources: one, data: new Uint8Array(1) };
const volume: Required<Volume> = {
  containerPath: '/data',
  readOnly: true,
  hostPath: '/srv',
  sandboxPath: 'data',
  tmpfs: { sizeMib: 1, mode: 0o755 },
  image: 'busybox',
  secret: { value: new Uint8Array(1) },
  propagation: 'private',
};
const io: Required<IoInfo> = {
  weight: 100,
  throttles: [{ device: '/dev/vda', readBytes: 1, writeBytes: 1, readOperations: 1, writeOperations: 1 }],
};
const linux: Required<LinuxInfo> = {
  capabilities: { add: ['NET_ADMIN'], drop: ['ALL'] },
  seccomp: 'default',
  noNewPrivileges: true,
  rlimits: [{ name: 'nofile', soft: 1, hard: 'unlimited' }],
  readOnlyRoot: true,
  userNamespace: true,
  timeOffsetSeconds: 1,
  cpuset: [0],
  cpuRealtimeUs: 1,
  cpuBurstUs: 1,
  memorySoftLimitMib: 1,
  io,
  hugepages: [{ size: '2MB', limitMib: 2 }],
  devices: [{ path: '/dev/fuse', access: 'rw' }],
  enforceDisk: true,
  netClassId: 1,
  shmMib: 1,
  init: 'launcher',
  sharePid: false,
  shareIpc: false,
};
const image: Required<ImageInfo> = {
  name: 'busybox',
  forcePull: true,
  credential: { username: 'u', password: 'p' },
  keepLayerAs: 'layer',
};
const network: Required<NetworkInfo> = { name: 'bridge', labels: [['a', 'b']], ipAddress: '10.0.0.2', aliases: ['db'] };
const portMapping: Required<PortMapping> = { hostPort: 31000, containerPort: 80, protocol: 'tcp', hostIp: '127.0.0.1' };
const restart: Required<RestartPolicy> = { on: 'failure', retriesMax: 3, delaySeconds: 1 };
const container: Required<ContainerInfo> = {
  hostname: 'h',
  pidsLimit: 5,
  image,
  networks: [network],
  portMappings: [portMapping],
  volumes: [volume],
  linux,
  terminal: { columns: 80, rows: 24 },
  stdin: true,
  restart,
};
const healthCheck: Required<HealthCheck> = {
  type: 'HTTP',
  command,
  http: { scheme: 'http', port: 80, path: '/' },
  tcp: { port: 80 },
  delaySeconds: 1,
  intervalSeconds: 1,
  timeoutSeconds: 1,
  gracePeriodSeconds: 1,
  consecutiveFailures: 1,
};
const port: Required<DiscoveryPort> = { number: 80, name: 'http', protocol: 'tcp', labels: [['a', 'b']] };
const discovery: Required<DiscoveryInfo> = { name: 'd', ports: [port] };
const containerStatus: Required<ContainerStatus> = { containerId: 'c', pid: 1, ipAddresses: ['127.0.0.1'] };
const status: Required<TaskStatus> = {
  taskId: 't',
  state: 'TASK_FAILED',
  source: 'SOURCE_AGENT',
  timestamp: 1.5,
  uuid: 'u',
  agentId: 'a',
  executorId: 'e',
  reason: 'REASON_CONTAINER_LIMITATION_MEMORY',
  message: 'm',
  healthy: false,
  exit: { code: 1, signal: 'SIGKILL' },
  limitation: { resources: one },
  containerStatus,
  labels: [['a', 'b']],
  unreachableTime: 1,
  data: new Uint8Array(1),
};
const framework: Required<FrameworkInfo> = {
  name: 'f',
  frameworkId: 'f1',
  roles: ['*'],
  failoverTimeout: 1,
  user: 'nobody',
  hostname: 'h',
  webuiUrl: 'http://x',
  labels: [['a', 'b']],
};
const demand: Required<Demand> = { name: 'd', role: '*', resources: one, ports: 1, count: 1, maxPerAgent: 1 };
const filters: Required<Filters> = { refuseSeconds: 1 };
const agent: Required<AgentInfo> = { hostname: 'h', httpAddress: 'h:1', resources: one, attributes: [attribute], version: '1' };
const offer: Required<Offer> = {
  offerId: 'o',
  frameworkId: 'f',
  agentId: 'a',
  hostname: 'h',
  role: '*',
  resources: one,
  attributes: [attribute],
  demand: [{ name: 'd', count: 1 }],
};
type Body = Omit<TaskInfo, 'taskId' | 'name' | 'agentId' | 'resources' | 'labels'>;
const body: Required<Body> = {
  limits,
  command,
  executor,
  container,
  healthCheck,
  killPolicy,
  discovery,
  onUnreachable: { stopAfterSeconds: 1 },
  data: new Uint8Array(1),
};

/** The compiler sees that a sample has every field of its interface; this sees that the schema has the same ones. */
const samples: readonly (readonly [name: string, schema: TSchema, sample: object])[] = [
  ['Resources', schemas.Resources, one],
  ['Attribute', schemas.Attribute, attribute],
  ['AgentInfo', schemas.AgentInfo, agent],
  ['FrameworkInfo', schemas.FrameworkInfo, framework],
  ['DemandEntry', schemas.DemandEntry, demand],
  ['Filters', schemas.Filters, filters],
  ['Offer', schemas.Offer, offer],
  ['CommandInfo', schemas.CommandInfo, command],
  ['ResourceLimits', schemas.ResourceLimits, limits],
  ['KillPolicy', schemas.KillPolicy, killPolicy],
  ['HealthCheck', schemas.HealthCheck, healthCheck],
  ['DiscoveryInfo', schemas.DiscoveryInfo, discovery],
  ['ContainerInfo', schemas.ContainerInfo, container],
  ['ImageInfo', containers.ImageInfo, image],
  ['NetworkInfo', containers.NetworkInfo, network],
  ['PortMapping', containers.PortMapping, portMapping],
  ['Volume', containers.Volume, volume],
  ['IoInfo', containers.IoInfo, io],
  ['LinuxInfo', containers.LinuxInfo, linux],
  ['RestartPolicy', containers.RestartPolicy, restart],
  ['ExecutorInfo', schemas.ExecutorInfo, executor],
  ['TaskBody', schemas.TaskBody, body],
  ['TaskStatus', schemas.TaskStatus, status],
];

for (const [name, schema, sample] of samples) {
  test(`the schema of ${name} has the fields of its interface, and no others`, (t) => {
    t.is(compileCheck(schema, name)(sample), undefined);
    if (!KindGuard.IsObject(schema)) return t.fail('not an object');
    t.deepEqual(Object.keys(schema.properties).sort(), Object.keys(sample).sort());
    t.regex(compileCheck(schema, name)({ ...sample, another: 1 }) ?? 'accepted', /another: unexpected property/);
    for (const [field, of] of Object.entries(schema.properties)) {
      const { [field]: _, ...without } = sample as Record<string, unknown>;
      const fault = compileCheck(schema, name)(without);
      t.is(fault === undefined, KindGuard.IsOptional(of), `${field} is ${KindGuard.IsOptional(of) ? 'optional' : 'required'}`);
    }
  });
}

test('a body with every field comes back as it was', (t) => {
  const { executor: _, ...withCommand } = body;
  t.deepEqual(unpackBody(packBody(withCommand)), withCommand);
});
