import { STATE_VERSION } from './state.ts';

type Saved = Readonly<Record<string, unknown>>;

/** A saved state in the present format, as far as its version tells; its fields are still to be checked. */
export type Migrated =
  | { readonly kind: 'present'; readonly saved: Saved }
  /** A later screenpass wrote it. */
  | { readonly kind: 'newer'; readonly version: number }
  | { readonly kind: 'none' };

/** By version: how a state of that version becomes one of the next. Never changed once released, only added to. */
const MIGRATIONS: Readonly<Record<number, (saved: Saved) => Saved>> = {
  1({ entries, ...saved }) {
    const ended = Array.isArray(entries) ? entries.map(withEnd) : entries;
    const learnt = { senders: {}, questions: [], lastRefusal: null };
    const told = { bursts: [], otherGates: [], days: {}, digested: null };
    return { ...learnt, ...told, ...saved, entries: ended, version: 2 };
  },
  2({ cursor, entries, otherGates, questions, ...saved }) {
    return {
      written: null,
      faults: [],
      doubtMs: 0,
      ...{ vetoes: [], cleared: {}, vetoQuestions: [] },
      ...saved,
      cursor: isRecord(cursor) ? { trail: [], ...cursor } : cursor,
      entries: Array.isArray(entries) ? entries.map(withGrant) : entries,
      otherGates: Array.isArray(otherGates) ? otherGates.map(withMarks) : otherGates,
      questions: Array.isArray(questions) ? questions.map(asQuestion) : questions,
      version: 3,
    };
  },
};

/** Entries of version 1 had no end but SCREENPASS_TTL, and no words of the administrator's. */
function withEnd(entry: unknown): unknown {
  return isRecord(entry) ? { until: null, reason: null, ...entry } : entry;
}

/** Entries of version 2 could not be allowed for a time beside their evidence. */
function withGrant(entry: unknown): unknown {
  return isRecord(entry) ? { granted: null, ...entry } : entry;
}

/** Questions of version 2 were refusals alone. */
function asQuestion(refusal: unknown): unknown {
  return { refusal, tries: 0, askedAt: null };
}

/** Refusals by other gates of version 2 had no digest of their line. */
function withMarks(burst: unknown): unknown {
  const { waiting } = isRecord(burst) ? burst : { waiting: null };
  if (!isRecord(burst) || !isRecord(waiting)) return burst;
  const { first, last } = waiting;
  const marked = (event: unknown) => (isRecord(event) ? { mark: '', ...event } : event);
  return { ...burst, waiting: { ...waiting, first: marked(first), last: marked(last) } };
}

/** Brings a saved state of any earlier version to the present one, a version at a time. Never throws. */
export function migrate(saved: unknown): Migrated {
  if (!isRecord(saved)) return { kind: 'none' };
  const { version } = saved;
  if (typeof version !== 'number' || !Number.isSafeInteger(version) || version < 1) return { kind: 'none' };
  if (version > STATE_VERSION) return { kind: 'newer', version };
  if (version === STATE_VERSION) return { kind: 'present', saved };
  const next = MIGRATIONS[version];
  return next === undefined ? { kind: 'none' } : migrate(next(saved));
}

function isRecord(value: unknown): value is Saved {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
