import type { TaskState } from '@proffer/sdk/model';
import type { App } from './app.js';
import type { Deployment } from './deployment.js';
import type { Change } from './effects.js';
import type { Instance } from './instance.js';

/** Versions that are kept of each app for looking at and going back to. */
export const VERSIONS_MAX = 50;

/** The last task of an app that ended by itself. */
export interface TaskFailure {
  readonly appId: string;
  readonly host: string;
  readonly message: string;
  readonly state: TaskState;
  readonly taskId: string;
  readonly timestamp: string;
  readonly version: string;
  readonly slaveId: string;
}

export interface AppRecord {
  app: App;
  /** Its instances are being ended; then it is gone. */
  deleted: boolean;
}

/** Everything the framework remembers, and what of it has yet to be written. Keys begin with what they hold. */
export class State {
  readonly apps = new Map<string, AppRecord>();
  readonly instances = new Map<string, Instance>();
  readonly deployments = new Map<string, Deployment>();
  readonly failures = new Map<string, TaskFailure>();
  frameworkId: string | undefined;
  readonly #versions = new Map<string, Map<string, App>>();
  readonly #instancesOf = new Map<string, Set<Instance>>();
  readonly #deploymentOf = new Map<string, Deployment>();
  readonly #changes = new Map<string, unknown>();

  /** Reads back what an earlier run has written. */
  load(entries: Iterable<readonly [key: string, value: unknown]>): void {
    for (const [key, value] of entries) {
      const kind = key.slice(0, key.indexOf('/'));
      if (kind === 'framework') this.frameworkId = (value as { frameworkId: string }).frameworkId;
      else if (kind === 'app') this.apps.set((value as AppRecord).app.id, value as AppRecord);
      else if (kind === 'version') this.#rememberVersion(value as App);
      else if (kind === 'instance') this.#rememberInstance(value as Instance);
      else if (kind === 'deployment') this.#rememberDeployment(value as Deployment);
      else if (kind === 'failure') this.failures.set((value as TaskFailure).appId, value as TaskFailure);
    }
  }

  /** What was changed since the last call. */
  takeChanges(): Change[] {
    const changes = Array.from(this.#changes, ([key, value]): Change => ({ key, value }));
    this.#changes.clear();
    return changes;
  }

  instancesOf(appId: string): readonly Instance[] {
    return [...(this.#instancesOf.get(appId) ?? [])];
  }

  deploymentOf(appId: string): Deployment | undefined {
    return this.#deploymentOf.get(appId);
  }

  /** All versions of an app that are kept, the newest first. */
  versionsOf(appId: string): readonly App[] {
    return [...(this.#versions.get(appId)?.values() ?? [])].reverse();
  }

  /** The app, unless it is not there or being deleted. */
  app(appId: string): App | undefined {
    const record = this.apps.get(appId);
    return record === undefined || record.deleted ? undefined : record.app;
  }

  saveFramework(frameworkId: string): void {
    this.frameworkId = frameworkId;
    this.#changes.set('framework/id', { frameworkId });
  }

  forgetFramework(): void {
    this.frameworkId = undefined;
    this.#changes.set('framework/id', undefined);
  }

  saveApp(app: App, deleted: boolean): void {
    const record: AppRecord = { app, deleted };
    this.apps.set(app.id, record);
    this.#changes.set(`app/${app.id}`, record);
    if (deleted) return;
    this.#rememberVersion(app);
    this.#changes.set(versionKey(app), app);
    const versions = this.#versions.get(app.id)!;
    for (const old of versions.values()) {
      if (versions.size <= VERSIONS_MAX) break;
      versions.delete(old.version);
      this.#changes.set(versionKey(old), undefined);
    }
  }

  removeApp(appId: string): void {
    this.apps.delete(appId);
    this.failures.delete(appId);
    this.#changes.set(`app/${appId}`, undefined);
    this.#changes.set(`failure/${appId}`, undefined);
    for (const version of this.versionsOf(appId)) this.#changes.set(versionKey(version), undefined);
    this.#versions.delete(appId);
  }

  saveInstance(instance: Instance): void {
    this.#rememberInstance(instance);
    this.#changes.set(`instance/${instance.taskId}`, instance);
  }

  removeInstance(instance: Instance): void {
    this.instances.delete(instance.taskId);
    this.#instancesOf.get(instance.appId)?.delete(instance);
    this.#changes.set(`instance/${instance.taskId}`, undefined);
  }

  saveDeployment(deployment: Deployment): void {
    this.#rememberDeployment(deployment);
    this.#changes.set(`deployment/${deployment.id}`, deployment);
  }

  removeDeployment(deployment: Deployment): void {
    this.deployments.delete(deployment.id);
    for (const { appId } of deployment.changes) {
      if (this.#deploymentOf.get(appId) === deployment) this.#deploymentOf.delete(appId);
    }
    this.#changes.set(`deployment/${deployment.id}`, undefined);
  }

  saveFailure(failure: TaskFailure): void {
    this.failures.set(failure.appId, failure);
    this.#changes.set(`failure/${failure.appId}`, failure);
  }

  #rememberVersion(app: App): void {
    let versions = this.#versions.get(app.id);
    if (versions === undefined) this.#versions.set(app.id, (versions = new Map()));
    versions.set(app.version, app);
  }

  #rememberInstance(instance: Instance): void {
    this.instances.set(instance.taskId, instance);
    let instances = this.#instancesOf.get(instance.appId);
    if (instances === undefined) this.#instancesOf.set(instance.appId, (instances = new Set()));
    instances.add(instance);
  }

  #rememberDeployment(deployment: Deployment): void {
    this.deployments.set(deployment.id, deployment);
    for (const { appId } of deployment.changes) this.#deploymentOf.set(appId, deployment);
  }
}

function versionKey(app: App): string {
  return `version/${app.id}@${app.version}`;
}
