import { APP_DEFAULTS, type App, type AppUpdate, type PortDefinition } from './app.js';
import { appFaults } from './validate.js';
import { invalid } from './refusal.js';

/** Service ports that are given out, as Marathon does it; nothing here listens on them. */
export const SERVICE_PORTS = { first: 10_000, last: 20_000 } as const;

export interface DefinitionContext {
  /** The version that the definition will have. */
  readonly version: string;
  /** The role of this framework, which all its apps have. */
  readonly role: string;
  /** The app as it is: its service ports are kept where the user leaves them open. */
  readonly current: App | undefined;
  /** True for service ports that other apps have. */
  readonly isServicePortTaken: (port: number) => boolean;
}

/** A whole definition from what the user gave, over the one before or the defaults. Throws a Refusal naming every fault. */
export function defineApp(id: string, update: AppUpdate, before: App | undefined, context: DefinitionContext): App {
  const base = before ?? { ...APP_DEFAULTS, id, role: context.role };
  const merged = { ...base, ...update };
  const app: App = {
    ...withoutOtherCommand(merged, update),
    id,
    portDefinitions: merged.requirePorts ? merged.portDefinitions : withServicePorts(merged.portDefinitions, context),
    version: context.version,
    versionInfo: before?.versionInfo ?? { lastScalingAt: context.version, lastConfigChangeAt: context.version },
  };
  const faults = appFaults(app, context.role);
  if (faults.length > 0) throw invalid(faults);
  return app;
}

/** An update that gives `cmd` takes `args` away, and the other way round; one that gives both is a fault. */
function withoutOtherCommand<T extends AppUpdate>(merged: T, update: AppUpdate): T {
  const { cmd: _cmd, ...withoutCmd } = merged;
  const { args: _args, ...withoutArgs } = merged;
  if (update.cmd !== undefined && update.args === undefined) return withoutArgs as T;
  if (update.args !== undefined && update.cmd === undefined) return withoutCmd as T;
  return merged;
}

function withServicePorts(definitions: readonly PortDefinition[], context: DefinitionContext): PortDefinition[] {
  const own = new Set(definitions.map(({ port }) => port));
  const isFree = (port: number): boolean => !own.has(port) && !context.isServicePortTaken(port);
  const { current } = context;
  return definitions.map((definition, i) => {
    if (definition.port !== 0) return definition;
    let port = current === undefined || current.requirePorts ? 0 : (current.portDefinitions[i]?.port ?? 0);
    if (port === 0 || !isFree(port)) for (port = SERVICE_PORTS.first; port <= SERVICE_PORTS.last && !isFree(port); port++);
    if (port > SERVICE_PORTS.last) return definition;
    own.add(port);
    return { ...definition, port };
  });
}
