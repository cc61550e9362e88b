/** The times that the stamps of an old log mean. */
const DAY_MS = 86_400_000;
/** The longest time between two 29ths of February. */
const MOST_YEARS = 8;

const MONTHS = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ');
const LONGEST = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** The times of a log's stamps, in turn. */
export interface LogTimes {
  /** In ms since the epoch; null for what is no stamp. */
  read(stamp: string): number | null;
  /** So many years the times that were given lie too late, which shows only when the log has gone on. */
  readonly yearsAhead: number;
}

/**
 * RFC 3339 stamps have all they need. Classic ones (`Nov 24 02:24:10`) are taken as UTC: the first has the latest year
 * that does not lie after `now`, each later one the year that brings it nearest to the stamp before, so that a log can
 * cross New Year. When the log ends later than `now`, all was earlier. A clock that is a day fast is forgiven.
 */
export function createLogTimes(now: number): LogTimes {
  const end = now + DAY_MS;
  let last: number | null = null;
  let latest = Number.NEGATIVE_INFINITY;
  let isCertain = false;

  return {
    read(stamp) {
      const isWhole = /^\d/.test(stamp);
      const time = isWhole ? Date.parse(stamp) : classicTime(stamp, last, end);
      if (Number.isNaN(time)) return null;
      isCertain ||= isWhole;
      last = time;
      latest = Math.max(latest, time);
      return time;
    },
    get yearsAhead() {
      if (isCertain || latest <= end) return 0;
      const years = new Date(latest).getUTCFullYear() - new Date(end).getUTCFullYear();
      return yearsBefore(latest, years) <= end ? years : years + 1;
    },
  };
}

/** The same day and time so many years before. */
export function yearsBefore(ms: number, years: number): number {
  const date = new Date(ms);
  return date.setUTCFullYear(date.getUTCFullYear() - years);
}

/** NaN: no classic stamp. */
function classicTime(stamp: string, last: number | null, end: number): number {
  const [, name = '', ...numbers] = /^([A-Z][a-z]{2}) ([ \d]\d) (\d\d):(\d\d):(\d\d)$/.exec(stamp) ?? [];
  const [day = 0, hours = 0, minutes = 0, seconds = 0] = numbers.map(Number);
  const month = MONTHS.indexOf(name);
  if (day < 1 || day > (LONGEST[month] ?? 0)) return Number.NaN;
  const inYear = (year: number) => Date.UTC(year, month, day, hours, minutes, seconds);
  if (last === null) {
    const year = new Date(end).getUTCFullYear();
    const years = Array.from({ length: MOST_YEARS + 1 }, (_, i) => year - i);
    return years.map(inYear).find((time) => time <= end && new Date(time).getUTCDate() === day) ?? Number.NaN;
  }
  const year = new Date(last).getUTCFullYear();
  const distance = (time: number) => Math.abs(time - last);
  return [year - 1, year, year + 1]
    .map(inYear)
    .reduce((best, time) => (distance(time) < distance(best) ? time : best));
}

/**
 * Log stamps of several processes, and our own request, can cross by this much: what is this near to a reload says
 * nothing about before and after.
 */
export const CROSSING_MS = 2_000;
