import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

/**
 * The box's metrics. Each worker asks for its own counters once, at construction; `help` says what the number means and
 * what to do about it. One registry per box (never prom-client's global one), so that tests can run several boxes.
 */
export class Metrics {
  readonly registry = new Registry();

  collectProcess(): void {
    // prom-client's own precision of 10 ms wakes the process a hundred times a second: 2% of a core on an idle box.
    collectDefaultMetrics({ register: this.registry, eventLoopMonitoringPrecision: 500 });
  }

  counter<L extends string = never>(name: string, help: string, labelNames: readonly L[] = []): Counter<L> {
    return new Counter({ name: `headwater_${name}`, help, labelNames, registers: [this.registry] });
  }

  gauge<L extends string = never>(name: string, help: string, labelNames: readonly L[] = []): Gauge<L> {
    return new Gauge({ name: `headwater_${name}`, help, labelNames, registers: [this.registry] });
  }

  histogram<L extends string = never>(
    name: string,
    help: string,
    buckets: number[],
    labelNames: readonly L[] = [],
  ): Histogram<L> {
    return new Histogram({ name: `headwater_${name}`, help, buckets, labelNames, registers: [this.registry] });
  }

  /** Prometheus text exposition. */
  text(): Promise<string> {
    return this.registry.metrics();
  }
}
