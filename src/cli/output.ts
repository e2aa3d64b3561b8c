import { Failure, messageOf } from '../telemetry/failure.js';

/** How a command answers: people get text, `--json` gets one JSON value on stdout; progress and errors go to stderr. */
export interface Output {
  /** The command's answer: `text` for people, `json` for programs. */
  answer(json: unknown, text: string): void;
  /** A line on the way; rewritten in place on a terminal, and only its last state elsewhere. */
  progress(line: string): void;
  /** Ends a line of progress. */
  note(line: string): void;
}

export function openOutput(json: boolean): Output {
  const terminal = process.stderr.isTTY === true;
  let open = false;
  const finishLine = () => {
    if (open) process.stderr.write('\n');
    open = false;
  };
  return {
    answer(value, text) {
      finishLine();
      process.stdout.write(json ? `${JSON.stringify(value)}\n` : `${text}\n`);
    },
    progress(line) {
      if (!terminal) return;
      process.stderr.write(`\r\x1b[K${line}`);
      open = true;
    },
    note(line) {
      finishLine();
      process.stderr.write(`${line}\n`);
    },
  };
}

/** `████░░░░  50%` */
export function bar(fraction: number, width = 24): string {
  const whole = Math.round(Math.min(1, Math.max(0, fraction)) * width);
  return `${'█'.repeat(whole)}${'░'.repeat(width - whole)} ${String(Math.floor(fraction * 100)).padStart(3)}%`;
}

/** A command's last words: what went wrong and what to do. Bugs keep their stack. */
export function describeError(error: unknown): string {
  if (error instanceof Failure) return `headwater: ${error.message}${error.hint ? `\n${error.hint}` : ''}`;
  return `headwater: ${error instanceof Error && error.stack ? error.stack : messageOf(error)}`;
}

export function formatBytes(count: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  const power = Math.min(units.length - 1, Math.floor(Math.log2(Math.max(1, count)) / 10));
  return `${(count / 2 ** (10 * power)).toFixed(power === 0 ? 0 : 1)} ${units[power]}`;
}

/** Rows in columns, for people. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
