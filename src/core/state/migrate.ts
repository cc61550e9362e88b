// Brings a saved state of an earlier version to the present one. Does not check its fields: that is state-schema.ts.

import { STATE_VERSION } from './state.ts';

type Saved = Readonly<Record<string, unknown>>;
const NONE: Saved = {};

/** A saved state in the present format, as far as its version shows; its fields are still to be checked. */
export type Migrated =
  | { readonly kind: 'present'; readonly saved: Saved }
  /** A later screenpass wrote it. */
  | { readonly kind: 'newer'; readonly version: number }
  | { readonly kind: 'none' };

/** By version: how a state of that version becomes one of the next. Never changed once released, only added to. */
const MIGRATIONS: Readonly<Record<number, (saved: Saved) => Saved>> = {
  1({ entries, ...saved }) {
    const ended = eachOf(entries, withEnd);
    const learnt = { senders: {}, questions: [], lastRefusal: null };
    const reports = { bursts: [], otherGates: [], days: {}, digested: null };
    return { ...learnt, ...reports, ...saved, entries: ended, version: 2 };
  },
  2({ bursts, cursor, entries, otherGates, questions, ...saved }) {
    return {
      written: null,
      faults: [],
      doubtMs: 0,
      ...{ vetoes: [], cleared: {}, vetoQuestions: [] },
      ...saved,
      cursor: isRecord(cursor) ? { trail: [], ...cursor } : cursor,
      entries: eachOf(entries, withGrant),
      bursts: eachOf(bursts, (burst) => withWaiting(burst, asDecided)),
      otherGates: eachOf(otherGates, (burst) => withWaiting(burst, withMark)),
      questions: eachOf(questions, asQuestion),
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
function withMark(refusal: unknown): unknown {
  return isRecord(refusal) ? { mark: '', ...refusal } : refusal;
}

/**
 * Refusals that waited in version 2 were rendered alerts. The facts are read back from id and fields, so that each one is
 * still reported, under the same id.
 */
function asDecided(alert: unknown): unknown {
  const { id, fields } = isRecord(alert) ? alert : NONE;
  if (!isRecord(fields)) return alert;
  const { sender, client: ip, port, gate, code, enhanced, zones, evidence, decision, reason, at } = fields;
  const [container, , connectedAt] = String(id).split(' ');
  const times = { connectedAt: Date.parse(String(connectedAt)), at: Date.parse(String(at)) };
  return {
    ...{ sender, container, evidence },
    refusal: { ip, port, ...times, gate, code, enhanced, zones },
    decision: { kind: decision, reason: reasonOf(String(decision), String(reason), evidence) },
  };
}

/** How version 2 worded the reasons; of an allowed sender it is the evidence. Kept as it was, since it reads old files. */
const WORDED_REASONS: ReadonlyMap<string, string> = new Map([
  ['it is in the table already, but this session began before Postfix used the table', 'began-before'],
  [
    'it is in the table, and Postfix refused it all the same: does another list or rule stand above?',
    'still-refused',
  ],
  [
    "postscreen does not ask the access list about this, or the operator's own rule refused it",
    'not-curable',
  ],
  ['private or reserved address space is never allowed', 'reserved-network'],
  ['SCREENPASS_NEVER or a network of the Engine holds it', 'never-listed'],
  ['the network of the sender is wider than is ever allowed', 'too-wide'],
  ['a zone of SCREENPASS_VETO_DNSBL lists it', 'vetoed-by-dnsbl'],
]);

/** Words that no version 2 had still leave a report, with the likeliest reason of its decision. */
function reasonOf(decision: string, words: string, evidence: unknown): unknown {
  const likeliest = { allow: evidence, keep: 'began-before', wait: 'below-threshold', refuse: 'not-curable' };
  return WORDED_REASONS.get(words) ?? likeliest[decision as keyof typeof likeliest];
}

function withWaiting(burst: unknown, convert: (event: unknown) => unknown): unknown {
  const { waiting } = isRecord(burst) ? burst : NONE;
  if (!isRecord(burst) || !isRecord(waiting)) return burst;
  const { first, last } = waiting;
  return { ...burst, waiting: { ...waiting, first: convert(first), last: convert(last) } };
}

function eachOf(list: unknown, convert: (one: unknown) => unknown): unknown {
  return Array.isArray(list) ? list.map(convert) : list;
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
