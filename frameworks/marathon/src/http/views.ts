import {
  explain,
  explainDeployment,
  isHealthy,
  isOutdated,
  PROGRESS_DEADLINE_MS,
  steps,
  type App,
  type Context,
  type Deployment,
  type Instance,
} from '../core/index.js';

/** What `embed` may add to an app. */
export interface Embed {
  readonly tasks: boolean;
  readonly lastTaskFailure: boolean;
  readonly taskStats: boolean;
}

export const EMBED_ALL: Embed = { tasks: true, lastTaskFailure: true, taskStats: false };

/** Reads repeated `embed` parameters: `apps.tasks`, `apps.lastTaskFailure`, `apps.failures` (both), `apps.taskStats`. */
export function parseEmbed(values: readonly string[]): Embed {
  const has = (name: string): boolean => values.some((value) => value === `apps.${name}` || value === `app.${name}`);
  return {
    tasks: has('tasks') || has('failures'),
    lastTaskFailure: has('lastTaskFailure') || has('failures'),
    taskStats: has('taskStats'),
  };
}

/** An app with what is known of its instances. */
export function appView(context: Context, app: App, embed: Embed, now: number): Record<string, unknown> {
  const { state } = context;
  const instances = state.instancesOf(app.id);
  const running = instances.filter((instance) => instance.state === 'TASK_RUNNING');
  const deployment = state.deploymentOf(app.id);
  const waitingFor = explain(context, app.id, now);
  const failure = state.failures.get(app.id);
  const { id, ...definition } = app;
  return {
    id,
    ...definition,
    tasksStaged: instances.filter(({ startedAt }) => startedAt === undefined).length,
    tasksRunning: running.length,
    tasksHealthy: running.filter(({ healthy }) => healthy === true).length,
    tasksUnhealthy: running.filter(({ healthy }) => healthy === false).length,
    deployments: deployment === undefined ? [] : [{ id: deployment.id }],
    ...(waitingFor === undefined ? {} : { waitingFor }),
    ...(embed.tasks ? { tasks: instances.map((instance) => taskView(app, instance)) } : {}),
    ...(embed.lastTaskFailure && failure !== undefined ? { lastTaskFailure: failure } : {}),
    ...(embed.taskStats ? { taskStats: statsView(app, instances, now) } : {}),
  };
}

/** One task as Marathon shows it. */
export function taskView(app: App | undefined, instance: Instance): Record<string, unknown> {
  const { taskId, appId, hostname, ports, agentId, state, stagedAt, startedAt, version, killedAt } = instance;
  return {
    id: taskId,
    appId,
    host: hostname,
    ports,
    servicePorts: app?.portDefinitions.map(({ port }) => port) ?? [],
    ipAddresses: [],
    slaveId: agentId,
    state: killedAt === undefined ? state : 'TASK_KILLING',
    stagedAt: time(stagedAt),
    ...(startedAt === undefined ? {} : { startedAt: time(startedAt) }),
    version,
    ...(app === undefined ? {} : { role: app.role }),
    ...(app === undefined || app.healthChecks.length === 0 ? {} : { healthCheckResults: healthView(instance) }),
  };
}

function healthView({ healthy, taskId, firstHealthyAt, healthChangedAt }: Instance): Record<string, unknown>[] {
  if (healthy === undefined) return [];
  return [
    {
      alive: healthy,
      consecutiveFailures: healthy ? 0 : 1,
      firstSuccess: firstHealthyAt === undefined ? null : time(firstHealthyAt),
      lastSuccess: healthy && healthChangedAt !== undefined ? time(healthChangedAt) : null,
      lastFailure: !healthy && healthChangedAt !== undefined ? time(healthChangedAt) : null,
      lastFailureCause: healthy ? null : 'the health check failed',
      instanceId: taskId.replace(/\._app\.\d+$/, ''),
    },
  ];
}

function statsView(app: App, instances: readonly Instance[], now: number): Record<string, unknown> {
  const scaledAt = Date.parse(app.versionInfo.lastScalingAt);
  const groups = {
    startedAfterLastScaling: instances.filter(({ stagedAt }) => stagedAt >= scaledAt),
    withLatestConfig: instances.filter((instance) => !isOutdated(instance, app)),
    withOutdatedConfig: instances.filter((instance) => isOutdated(instance, app)),
    totalSummary: instances,
  };
  return Object.fromEntries(
    Object.entries(groups).flatMap(([name, group]) => (group.length === 0 ? [] : [[name, { stats: stats(app, group, now) }]])),
  );
}

function stats(app: App, instances: readonly Instance[], now: number): Record<string, unknown> {
  const lives = instances
    .flatMap(({ startedAt }) => (startedAt === undefined ? [] : [(now - startedAt) / 1000]))
    .sort((a, b) => a - b);
  const average = lives.reduce((sum, life) => sum + life, 0) / Math.max(1, lives.length);
  return {
    counts: {
      staged: instances.length - lives.length,
      running: lives.length,
      healthy: app.healthChecks.length === 0 ? 0 : instances.filter((instance) => isHealthy(instance, app)).length,
      unhealthy: instances.filter(({ healthy }) => healthy === false).length,
    },
    ...(lives.length === 0 ? {} : { lifeTime: { averageSeconds: average, medianSeconds: lives[Math.floor(lives.length / 2)] } }),
  };
}

/** A deployment with its steps, where it is, and what it waits for. */
export function deploymentView(context: Context, deployment: Deployment, now: number): Record<string, unknown> {
  const all = steps(deployment);
  const reason = explainDeployment(context, deployment, now);
  const current = all.at(-1) ?? [];
  return {
    id: deployment.id,
    version: deployment.version,
    affectedApps: deployment.changes.map(({ appId }) => appId),
    affectedPods: [],
    steps: all.map((actions) => ({ actions })),
    currentActions: current.map((action) => ({ ...action, readinessCheckResults: [] })),
    currentStep: all.length,
    totalSteps: all.length,
    state: deployment.state,
    reason,
    startedAt: time(deployment.startedAt),
    progressDeadlineAt: time(deployment.progressAt + PROGRESS_DEADLINE_MS),
  };
}

/** What waits for resources or for its back-off to end, and why. */
export function queueView(context: Context, now: number): Record<string, unknown>[] {
  const { state, missing, queue } = context;
  const items: Record<string, unknown>[] = [];
  for (const [appId, count] of missing) {
    const app = state.app(appId);
    if (app === undefined || count === 0) continue;
    const left = Math.max(0, queue.readyAt(app, now) - now);
    const log = context.offerLog(appId);
    items.push({
      count,
      role: app.role,
      delay: { timeLeftSeconds: Math.ceil(left / 1000), overdue: left === 0 },
      since: time(queue.missingSince(appId, true, now)),
      reason: explain(context, appId, now),
      processedOffersSummary: {
        processedOffersCount: log.processed,
        unusedOffersCount: log.unused,
        lastUnusedOfferAt: log.lastUnusedAt === undefined ? null : time(log.lastUnusedAt),
        lastUsedOfferAt: log.lastUsedAt === undefined ? null : time(log.lastUsedAt),
        rejectSummaryLastOffers: log.summary(),
        rejectSummaryLaunchAttempt: log.summary(),
      },
      app,
    });
  }
  return items;
}

function time(ms: number): string {
  return new Date(ms).toISOString();
}
