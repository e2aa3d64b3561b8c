// Medians of the rounds as one table for each scenario, with each figure's ratio to the best peer's.
import { median } from '../box-under-test.mjs';

/** `best`: which of the peers' figures is the best one; none: no ratio. */
const columns = [
  { figure: 'perSec', title: 'requests/s', best: Math.max, digits: 0 },
  { figure: 'perCpuSec', title: 'per CPU-second', best: Math.max, digits: 0 },
  { figure: 'mebibytesPerSec', title: 'MiB/s', digits: 0 },
  { figure: 'firstByteMs', title: 'first byte ms', best: Math.min, digits: 1 },
  { figure: 'p50Ms', title: 'p50 ms', best: Math.min, digits: 2 },
  { figure: 'p99Ms', title: 'p99 ms', best: Math.min, digits: 2 },
  { figure: 'mostMs', title: 'last ms', best: Math.min, digits: 1 },
  { figure: 'cpuMs', title: 'CPU ms', best: Math.min, digits: 0 },
  { figure: 'hitPercent', title: 'hits %', digits: 1 },
  { figure: 'fetches', title: 'origin asked', digits: 0 },
  { figure: 'residentMiB', title: 'resident MiB', best: Math.min, digits: 0 },
];

function middle(rounds, figure) {
  const values = rounds.map((round) => round[figure]).filter((value) => value !== undefined);
  return values.length === 0 ? undefined : median(values);
}

function cell(value, { digits, best }, peers) {
  if (value === undefined || Number.isNaN(value)) return '-';
  const text = Number.isFinite(value) ? value.toFixed(digits) : 'never';
  const others = peers.filter((other) => Number.isFinite(other));
  if (best === undefined || others.length === 0) return text;
  return `${text} (${(value / best(...others)).toFixed(2)})`;
}

/** @param results Map: server → its rounds' figures */
export function printScenario({ name, what }, results) {
  console.log(`\n${name}: ${what}`);
  const servers = [...results];
  const used = columns.filter(({ figure }) => servers.some(([, rounds]) => middle(rounds, figure) !== undefined));
  const peersBy = (figure) =>
    servers.filter(([server]) => server.isPeer).map(([, rounds]) => middle(rounds, figure) ?? Number.NaN);
  const rows = servers.map(([server, rounds]) => {
    const errors = rounds.reduce((sum, round) => sum + round.errors, 0);
    const cells = used.map((column) => cell(middle(rounds, column.figure), column, peersBy(column.figure)));
    return [server.name, ...cells, errors === 0 ? '' : `${errors} answers were wrong or missing`];
  });
  const table = [['', ...used.map(({ title }) => title), ''], ...rows];
  const widths = table[0].map((_, index) => Math.max(...table.map((row) => row[index].length)));
  for (const row of table) {
    const padded = row.map((text, index) => (index === 0 ? text.padEnd(widths[0]) : text.padStart(widths[index])));
    console.log(padded.join('  ').trimEnd());
  }
}
