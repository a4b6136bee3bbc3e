import type { MissingFeature, ProbeResult } from '@proffer/isolator-native';

/** One thing that this machine can do for containers, or cannot. */
export interface Feature {
  readonly feature: string;
  readonly available: boolean;
  /** Why not, and what would turn it on. */
  readonly reason?: string;
  readonly remedy?: string;
}

/** What works, as it was tried, and then what does not, each with its remedy. */
export function featuresOf(probe: ProbeResult, missing: readonly MissingFeature[]): Feature[] {
  const lacking = [...probe.missing, ...missing.filter(({ feature }) => !probe.missing.some((one) => one.feature === feature))];
  const works = [
    ...names(probe.mode === 'plain' ? {} : probe.namespaces, (has) => has).map((name) => `${name} namespaces`),
    ...Object.entries(probe.cgroups.controllers).map(([name, at]) => `${name} cgroups (v${at.version})`),
    ...(probe.overlay ? ['overlay file systems'] : []),
    ...(probe.raiseLimits ? ['resource limits above our own'] : []),
    ...(probe.unprivilegedUserNamespaces ? ['containers without root'] : []),
  ];
  return [
    ...works.map((feature) => ({ feature, available: true })),
    ...lacking.map(({ feature, reason, remedy }) => ({ feature, available: false, reason, remedy })),
  ];
}

function names<T>(record: Readonly<Record<string, T>>, wanted: (value: T) => boolean): string[] {
  return Object.entries(record).filter(([, value]) => wanted(value)).map(([name]) => name);
}
