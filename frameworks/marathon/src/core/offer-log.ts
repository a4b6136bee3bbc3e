/** Why an offer was not used for an app, by Marathon's names. */
export const REJECT_REASONS = [
  'UnfulfilledConstraint',
  'InsufficientCpus',
  'InsufficientMemory',
  'InsufficientDisk',
  'InsufficientGpus',
  'InsufficientPorts',
] as const;
export type RejectReason = (typeof REJECT_REASONS)[number];

/** One agent's last answer to an app. */
interface Rejection {
  readonly reason: RejectReason;
  readonly detail: string;
}

/** What became of the offers that an app was shown since it began to wait. */
export class OfferLog {
  processed = 0;
  unused = 0;
  lastUsedAt: number | undefined;
  lastUnusedAt: number | undefined;
  /** The last rejection of each agent, by host name. */
  readonly rejections = new Map<string, Rejection>();

  used(hostname: string, now: number): void {
    this.processed++;
    this.lastUsedAt = now;
    this.rejections.delete(hostname);
  }

  rejected(hostname: string, reason: RejectReason, detail: string, now: number): void {
    this.processed++;
    this.unused++;
    this.lastUnusedAt = now;
    this.rejections.set(hostname, { reason, detail });
  }

  /** How many agents said no, by reason, in the order in which reasons are looked for. */
  summary(): { readonly reason: RejectReason; readonly declined: number; readonly processed: number }[] {
    return REJECT_REASONS.map((reason) => ({
      reason,
      declined: [...this.rejections.values()].filter((rejection) => rejection.reason === reason).length,
      processed: this.rejections.size,
    }));
  }

  /** One sentence for people; undefined while no agent said no. */
  sentence(): string | undefined {
    const [first] = this.rejections;
    if (first === undefined) return undefined;
    const [hostname, { reason, detail }] = first;
    const others = this.rejections.size - 1;
    return `${hostname}: ${reason} (${detail})${others > 0 ? ` and ${others} more` : ''}`;
  }
}
