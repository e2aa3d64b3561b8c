import { MetricsSample } from '../src/cli/metrics-sample.js';
import { startBox, type TestBox } from './box.js';

/** The cache alone, as `headwater edge` in a process of its own. `data`: default a new folder. */
export function startEdge(upstream: string, args: readonly string[] = [], data?: string): Promise<TestBox> {
  const doors = ['--listen', '127.0.0.1:0', '--admin', '127.0.0.1:0'];
  return startBox({ verb: ['edge', '--upstream', upstream], doors, args, ...(data === undefined ? {} : { data }) });
}

export async function metricsOf({ admin }: Pick<TestBox, 'admin'>): Promise<MetricsSample> {
  return new MetricsSample(await (await fetch(`${admin}/metrics`)).text());
}
