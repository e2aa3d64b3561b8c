/** What a box's metrics said at one moment, read from Prometheus' text format. Pure. Lines that are no samples are skipped. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export class MetricsSample {
  readonly #byName = new Map<string, Sample[]>();

  constructor(text: string) {
    for (const line of text.split('\n')) this.#read(line);
  }

  /** All that a metric says; empty where there is none of that name. `name` without the `headwater_` before it. */
  all(name: string): readonly Sample[] {
    return this.#byName.get(`headwater_${name}`) ?? [];
  }

  /** Of all samples whose labels are these. */
  sum(name: string, labels: Readonly<Record<string, string>> = {}): number {
    const wanted = Object.entries(labels);
    const found = this.all(name).filter((sample) => wanted.every(([label, value]) => sample.labels[label] === value));
    return found.reduce((sum, { value }) => sum + value, 0);
  }

  /** The values of a label, in order. */
  values(name: string, label: string): readonly string[] {
    return [...new Set(this.all(name).flatMap(({ labels }) => labels[label] ?? []))].sort();
  }

  #read(line: string): void {
    const [, name = '', labels = '', number = ''] = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)(?: \d+)?$/.exec(line) ?? [];
    const value = Number(number);
    if (name === '' || Number.isNaN(value)) return;
    const samples = this.#byName.get(name) ?? [];
    samples.push({ labels: readLabels(labels), value });
    this.#byName.set(name, samples);
  }
}

function readLabels(text: string): Record<string, string> {
  const found = text.matchAll(/([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g);
  return Object.fromEntries([...found].map(([, name = '', value = '']) => [name, value.replace(/\\(.)/g, unescaped)]));
}

const unescaped = (_: string, character: string): string => (character === 'n' ? '\n' : character);
