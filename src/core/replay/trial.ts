/** Tries what policy would have done with the refusals of an old log, had screenpass been there. */

import { createTally } from '../base/tally.ts';
import { CROSSING_MS } from '../log/log-time.ts';
import type { Address } from '../net/network.ts';
import { entryOf, withEntry } from '../policy/entry.ts';
import { afterGivingUp, afterPass, afterRefusal } from '../policy/entry-changes.ts';
import { expired } from '../policy/entry-end.ts';
import { decide, type Rules, vetoZone } from '../policy/policy.ts';
import { withClear } from '../policy/veto.ts';
import type { Refusal } from '../postscreen/session.ts';
import type { Evidence, Match } from '../senders/sender-index.ts';
import type { State } from '../state/state.ts';

/** Entries are looked through this often. */
const EXPIRY_MS = 3_600_000;
/** Kept of one sender; with short lifetimes of entries a long log can have any number. */
const MOST_ALLOWED = 100;
/** More reasons than there are. */
const MOST_REASONS = 50;

/** An entry that a sender would have had. Times are ISO text. */
export interface Allowance<Time = string> {
  /** Null: from the start (SCREENPASS_PRESEED), or the line has no stamp. */
  readonly at: Time | null;
  /** The refusal that led to it; null: SCREENPASS_PRESEED. */
  readonly cause: {
    readonly client: string;
    readonly gate: string;
    readonly code: number | null;
    readonly zones: readonly string[];
    readonly evidence: Evidence;
  } | null;
  /** Later refusals that the entry would have prevented. */
  readonly spared: number;
  /** When the entry would have left; null: it would still be there at the end of the log. */
  readonly until: Time | null;
}

export interface TrialReport {
  /** The first hundred. */
  readonly allowed: readonly Allowance[];
  readonly spared: number;
  /** Refusals that would not have led to an entry, by reason. */
  readonly notAllowed: Readonly<Record<string, number>>;
}

/**
 * Times are ms of log time. Decides as the daemon does, but has each entry in force at once, where the daemon takes a second or two. `start` has
 * the entries of SCREENPASS_PRESEED (`preseed`).
 */
export class Trial {
  readonly #rules: Rules;
  readonly #preseed: ReadonlySet<string>;
  readonly #senders = new Map<string, SenderTrial>();
  #state: State;
  #expiredAt = 0;

  constructor(rules: Rules, start: State, preseed: ReadonlySet<string>) {
    this.#rules = rules;
    this.#preseed = preseed;
    this.#state = { ...start, entries: start.entries.map((entry) => ({ ...entry, inForce: -Infinity })) };
    for (const { sender } of start.entries) this.#of(sender).allow(null, null);
  }

  refused(refusal: Refusal, address: Address, match: Match, isTimed: boolean): void {
    const { id } = match.sender;
    const before = entryOf(this.#state, id);
    const decision = decide(address, match, refusal, this.#asked(refusal, address), this.#rules);
    this.#state = afterRefusal(this.#state, { refusal, match, address }, decision, this.#rules);
    const entry = entryOf(this.#state, id);
    const sender = this.#of(id);
    if (decision.kind === 'allow' && entry !== undefined) {
      this.#state = withEntry(this.#state, { ...entry, inForce: refusal.at - CROSSING_MS });
      const { ip: client, gate, code, zones } = refusal;
      if (before === undefined)
        sender.allow(isTimed ? refusal.at : null, { client, gate, code, zones, evidence: match.evidence });
    } else if (decision.kind !== 'keep') sender.notAllowed.add(decision.reason);
    else if (decision.reason === 'still-refused') sender.spare();
  }

  /** The log has the answers that postscreen got; the veto zones are not asked now. */
  #asked(refusal: Refusal, address: Address): State {
    const isListed = vetoZone(refusal, this.#rules) !== undefined;
    if (isListed || this.#rules.vetoZones.size === 0) return this.#state;
    return withClear(this.#state, address, refusal.at).state;
  }

  passed(sender: string, passed: { readonly at: number; readonly allowlisted: boolean }): void {
    this.#state = afterPass(this.#state, sender, passed).state;
  }

  /** Whether leaving the greet wait amounts to a refusal. */
  hungUp(sender: string, at: number): boolean {
    const after = afterGivingUp(this.#state, sender, at, this.#rules);
    this.#state = after.state;
    return after.refused;
  }

  /** Removes entries whose time is over. To be called with the time of each line. */
  expire(at: number): void {
    if (Math.abs(at - this.#expiredAt) < EXPIRY_MS) return;
    this.#expiredAt = at;
    const gone = expired(this.#state, at, this.#rules, this.#preseed);
    if (gone.length === 0) return;
    for (const { sender } of gone) this.#of(sender).end(at);
    const entries = this.#state.entries.filter((entry) => !gone.includes(entry));
    this.#state = { ...this.#state, entries };
  }

  /** `iso`: the real time of a log time, as ISO text. */
  report(sender: string, iso: (ms: number) => string): TrialReport {
    const { allowed, spared, notAllowed } = this.#of(sender);
    const time = (ms: number | null) => (ms === null ? null : iso(ms));
    return {
      allowed: allowed.map((one) => ({ ...one, at: time(one.at), until: time(one.until) })),
      spared,
      notAllowed: notAllowed.counts(),
    };
  }

  #of(sender: string): SenderTrial {
    const known = this.#senders.get(sender) ?? new SenderTrial();
    this.#senders.set(sender, known);
    return known;
  }
}

class SenderTrial {
  readonly allowed: Allowance<number>[] = [];
  readonly notAllowed = createTally(MOST_REASONS);
  spared = 0;
  #latest: { -readonly [K in keyof Allowance]: Allowance<number>[K] } | null = null;

  allow(at: number | null, cause: Allowance['cause']): void {
    this.#latest = { at, cause, spared: 0, until: null };
    if (this.allowed.length < MOST_ALLOWED) this.allowed.push(this.#latest);
  }

  spare(): void {
    this.spared += 1;
    if (this.#latest !== null) this.#latest.spared += 1;
  }

  end(at: number): void {
    if (this.#latest !== null) this.#latest.until = at;
  }
}
