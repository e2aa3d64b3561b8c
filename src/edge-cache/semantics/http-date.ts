/** HTTP dates (RFC 9110 §5.6.7): one form is written, three are read. Pure but for the last one written; times in epoch ms. */
const months = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const imf = /^[a-z]{3}, (\d{2}) ([a-z]{3}) (\d{4}) (\d{2}):(\d{2}):(\d{2}) gmt$/i;
const rfc850 = /^[a-z]{6,9}, (\d{2})-([a-z]{3})-(\d{2}) (\d{2}):(\d{2}):(\d{2}) gmt$/i;
const asctime = /^[a-z]{3} ([a-z]{3}) ([ \d]\d) (\d{2}):(\d{2}):(\d{2}) (\d{4})$/i;

/** Epoch ms (whole seconds), or null for anything that is not a date of one of the three forms. */
export function readHttpDate(text: string, now: number): number | null {
  const value = text.trim();
  const fixed = imf.exec(value);
  if (fixed) return moment(fixed[3], fixed[2], fixed[1], fixed.slice(4, 7));
  const old = rfc850.exec(value);
  if (old) return moment(fullYear(Number(old[3]), now), old[2], old[1], old.slice(4, 7));
  const unix = asctime.exec(value);
  if (unix) return moment(unix[6], unix[1], unix[2], unix.slice(3, 6));
  return null;
}

let lastWritten = { at: Number.NaN, text: '' };

/** Many answers are of one second. */
export function writeHttpDate(epochMs: number): string {
  if (lastWritten.at !== epochMs) lastWritten = { at: epochMs, text: new Date(epochMs).toUTCString() };
  return lastWritten.text;
}

/** A two-digit year that would lie more than 50 years ahead is in the past (RFC 9110 §5.6.7). */
function fullYear(twoDigits: number, now: number): number {
  const thisYear = new Date(now).getUTCFullYear();
  const year = thisYear - (thisYear % 100) + twoDigits;
  return year > thisYear + 50 ? year - 100 : year;
}

function moment(
  year: string | number | undefined,
  monthName: string | undefined,
  day: string | undefined,
  clock: readonly (string | undefined)[],
): number | null {
  const month = months.indexOf(monthName?.toLowerCase() ?? '');
  const [hours, minutes, seconds] = clock.map(Number);
  if (month < 0 || hours === undefined || minutes === undefined || seconds === undefined) return null;
  if (hours > 23 || minutes > 59 || seconds > 60) return null;
  const date = new Date(0);
  date.setUTCFullYear(Number(year), month, Number(day));
  const sameDay = date.getUTCMonth() === month && date.getUTCDate() === Number(day);
  return sameDay ? date.setUTCHours(hours, minutes, seconds, 0) : null;
}
