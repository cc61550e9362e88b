import { createTally } from '../base/tally.ts';
import { CROSSING_MS } from '../log/log-time.ts';
import type { Address } from '../net/network.ts';
import { entryOf, withEntry } from '../policy/entry.ts';
import { expired } from '../policy/entry-end.ts';
import { afterGivingUp, afterPass, afterRefusal, decide, type Rules, vetoZone } from '../policy/policy.ts';
import { withClear } from '../policy/veto.ts';
import type { Refusal } from '../postscreen/session.ts';
import type { Evidence, Match } from '../senders/sender-index.ts';
import type { State } from '../state/state.ts';

const HOUR_MS = 3_600_000;

/** Kept of one sender; with short lifetimes of entries a long log can have any number. */
const MOST_ALLOWED = 100;
/** More than there are. */
const MOST_REASONS = 50;

/** Once that a sender would have been allowed. Times are ms. */
export interface Allowance {
  /** Null: from the start (SCREENPASS_PRESEED), or the line has no stamp. */
  readonly at: number | null;
  /** The refusal that led to it; null: SCREENPASS_PRESEED. */
  readonly cause: Cause | null;
  /** Later refusals that would not have been. */
  readonly spared: number;
  /** When the entry would have left; null: it would still stand at the end of the log. */
  readonly until: number | null;
}

interface Cause {
  readonly client: string;
  readonly gate: string;
  readonly code: number | null;
  readonly zones: readonly string[];
  readonly evidence: Evidence;
}

export interface TrialReport {
  /** The first hundred. */
  readonly allowed: readonly Allowance[];
  readonly spared: number;
  /** Refusals on which no entry would have followed, by reason. */
  readonly notAllowed: Readonly<Record<string, number>>;
}

/** What policy would have done, had screenpass been there. Times are log times in ms. */
export interface Trial {
  refused(refusal: Refusal, address: Address, match: Match, isTimed: boolean): void;
  passed(sender: string, passed: { readonly at: number; readonly allowlisted: boolean }): void;
  /** Whether it comes to a refusal. */
  gaveUp(sender: string, at: number): boolean;
  /** To be called with each time, for entries whose time is over. */
  pass(at: number): void;
  report(sender: string): TrialReport;
}

/**
 * Decides as the daemon does, with each entry in force at once; the daemon takes a second or two. `start` has the
 * entries of SCREENPASS_PRESEED (`preseed`).
 */
export function createTrial(rules: Rules, start: State, preseed: ReadonlySet<string>): Trial {
  let state: State = { ...start, entries: start.entries.map((entry) => ({ ...entry, inForce: -Infinity })) };
  let expiredAt = 0;
  const senders = new Map<string, ReturnType<typeof createRecord>>();
  for (const { sender } of start.entries) recordOf(sender).allow({ at: null, cause: null });

  function recordOf(sender: string): ReturnType<typeof createRecord> {
    const record = senders.get(sender) ?? createRecord();
    senders.set(sender, record);
    return record;
  }

  return {
    refused(refusal, address, match, isTimed) {
      const { id } = match.sender;
      const before = entryOf(state, id);
      // The log has what postscreen asked, and nobody asks more.
      const isListed = vetoZone(refusal, rules) !== undefined;
      const asked =
        isListed || rules.vetoZones.size === 0 ? state : withClear(state, address, refusal.at).state;
      const decision = decide(address, match, refusal, asked, rules);
      state = afterRefusal(state, { refusal, match, address }, decision, rules);
      const entry = entryOf(state, id);
      const record = recordOf(id);
      if (decision.kind === 'allow' && entry !== undefined) {
        state = withEntry(state, { ...entry, inForce: refusal.at - CROSSING_MS });
        const { ip: client, gate, code, zones } = refusal;
        const cause = { client, gate, code, zones, evidence: match.evidence };
        if (before === undefined) record.allow({ at: isTimed ? refusal.at : null, cause });
      } else if (decision.kind === 'keep') record.keep(decision.reason === 'still-refused');
      else record.notAllowed(decision.reason);
    },
    passed(sender, passed) {
      state = afterPass(state, sender, passed).state;
    },
    gaveUp(sender, at) {
      const after = afterGivingUp(state, sender, at, rules);
      state = after.state;
      return after.refused;
    },
    pass(at) {
      if (Math.abs(at - expiredAt) < HOUR_MS) return;
      expiredAt = at;
      const gone = expired(state, at, rules, preseed);
      if (gone.length === 0) return;
      for (const { sender } of gone) recordOf(sender).expire(at);
      state = { ...state, entries: state.entries.filter((entry) => !gone.includes(entry)) };
    },
    report: (sender) => recordOf(sender).report(),
  };
}

function createRecord() {
  const allowed: Allowance[] = [];
  const notAllowed = createTally(MOST_REASONS);
  let spared = 0;
  let count = 0;

  /** The latest, if it is one of those that are kept. */
  function change(changes: (latest: Allowance) => Partial<Allowance>): void {
    const latest = allowed[count - 1];
    if (latest !== undefined) allowed[count - 1] = { ...latest, ...changes(latest) };
  }

  return {
    allow(first: Pick<Allowance, 'at' | 'cause'>): void {
      count += 1;
      if (allowed.length < MOST_ALLOWED) allowed.push({ ...first, spared: 0, until: null });
    },
    keep(isSpared: boolean): void {
      if (!isSpared) return;
      spared += 1;
      change((latest) => ({ spared: latest.spared + 1 }));
    },
    notAllowed: (reason: string) => notAllowed.add(reason),
    expire: (at: number) => change(() => ({ until: at })),
    report: (): TrialReport => ({ allowed, spared, notAllowed: notAllowed.counts() }),
  };
}
