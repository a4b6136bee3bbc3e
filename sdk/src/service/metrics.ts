import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

/** What a gauge shows when it is read: one number, or one for each set of labels. */
export type GaugeReading = number | readonly { readonly labels: Readonly<Record<string, string>>; readonly value: number }[];

/** The metrics of one service, in a registry of its own, so that several fit in one process. */
export class Metrics {
  readonly registry = new Registry();

  /** With the process's own figures (cpu, memory, event loop, descriptors) unless `processMetrics` is false. */
  constructor(options: { readonly processMetrics?: boolean } = {}) {
    if (options.processMetrics !== false) collectDefaultMetrics({ register: this.registry });
  }

  counter(name: string, help: string, labelNames: readonly string[] = []): Counter {
    return new Counter({ name, help, labelNames: [...labelNames], registers: [this.registry] });
  }

  histogram(name: string, help: string, buckets: readonly number[], labelNames: readonly string[] = []): Histogram {
    return new Histogram({ name, help, buckets: [...buckets], labelNames: [...labelNames], registers: [this.registry] });
  }

  /** A gauge that is set when something changes. */
  gauge(name: string, help: string, labelNames: readonly string[] = []): Gauge {
    return new Gauge({ name, help, labelNames: [...labelNames], registers: [this.registry] });
  }

  /** A gauge that is read from its source whenever somebody asks: it costs nothing in between. */
  reading(name: string, help: string, labelNames: readonly string[], read: () => GaugeReading): Gauge {
    return new Gauge({
      name,
      help,
      labelNames: [...labelNames],
      registers: [this.registry],
      collect() {
        const value = read();
        this.reset();
        if (typeof value === 'number') this.set(value);
        else for (const one of value) this.set({ ...one.labels }, one.value);
      },
    });
  }

  /** Everything in Prometheus' text format. */
  text(): Promise<string> {
    return this.registry.metrics();
  }

  get contentType(): string {
    return this.registry.contentType;
  }
}
