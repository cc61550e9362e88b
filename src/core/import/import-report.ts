/** What can be said of a line: whether something is wrong with it, what it means, and what to do about it. */
export const VERDICTS = {
  everything: {
    wrong: true,
    means: 'decides for every IPv4 or IPv6 address: nothing below it is asked, nor the block of screenpass',
    advice: 'take it away',
  },
  broken: {
    wrong: true,
    means: 'Postfix skips the line, or does not read it as it was meant',
    advice: 'mend it or take it away: it is of no use as it is',
  },
  'unknown-action': {
    wrong: true,
    means: 'Postfix does not know the action, and ignores the rest of the list',
    advice: 'write `permit` or `reject`, or take it away',
  },
  unreachable: {
    wrong: true,
    means:
      'never decides: a rule above it or the `if` around it is in its way, or no client has such an address',
    advice: 'see which of the rules you mean, and take the other away',
  },
  redundant: {
    wrong: true,
    means: 'another rule does the same for all of its addresses',
    advice: 'take it away: nothing changes',
  },
  'perhaps-stale': {
    wrong: true,
    means:
      'a known sender publishes most of it, or the comment names one, and no known sender publishes the rest',
    advice: 'ask whoever put it there: screenpass cannot know whether it is still in use',
  },
  covered: {
    wrong: false,
    means: 'permits networks of watched senders only',
    advice:
      'take it away: screenpass opens these senders when postscreen refuses them, and follows their networks',
  },
  unwatched: {
    wrong: false,
    means: 'permits networks of known senders only, of which some are not watched',
    advice: 'take it away once `SCREENPASS_SENDERS` names these senders, else keep it',
  },
  unknown: {
    wrong: false,
    means: 'permits addresses whose owner screenpass does not know',
    advice:
      'keep it above the block of screenpass; or name the owner in `SCREENPASS_SENDERS_FILE`, best with its SPF domain',
  },
  never: {
    wrong: false,
    means: 'permits addresses that screenpass never allows: private, reserved, `SCREENPASS_NEVER`',
    advice: 'keep it above the block of screenpass',
  },
  own: {
    wrong: false,
    means: 'does not permit: your own decision',
    advice: 'keep it above the block of screenpass, since the first match counts',
  },
} as const;

export type Verdict = keyof typeof VERDICTS;

/** What is to be said of one line. */
export interface JudgedLine {
  /** 1-based. */
  readonly line: number;
  readonly pattern: string;
  readonly verdict: Verdict;
  readonly why: string;
  /** Ids of the known senders of which it holds networks, or that its comment names. */
  readonly senders: readonly string[];
  /** What was meant by a broken one; null: nothing else, or who knows. */
  readonly meant: string | null;
}

/** How much of what a sender publishes the list permits. */
export interface SenderCover {
  readonly sender: string;
  readonly name: string;
  readonly watched: boolean;
  readonly unlistable: boolean;
  readonly cover: 'all' | 'part';
  /** Networks of the sender; those that are permitted whole, and in part. */
  readonly networks: { readonly total: number; readonly whole: number; readonly part: number };
  readonly ipv4: Share;
  readonly ipv6: Share;
  readonly asOf: string;
}

/** Numbers of addresses. */
export interface Share {
  readonly total: number;
  readonly permitted: number;
}

/** What is to be said of a list. */
export interface ImportReport {
  readonly bare: boolean;
  /** Where our own block stands, which is left out; null: there is none. */
  readonly block: { readonly first: number; readonly last: number } | null;
  readonly senders: readonly SenderCover[];
  readonly lines: readonly JudgedLine[];
  readonly settings: ImportSettings;
}

/** What settings can take over from the list; null: nothing. */
export interface ImportSettings {
  /** Changes to SCREENPASS_SENDERS, so that unwatched senders are watched. */
  readonly SCREENPASS_SENDERS: string | null;
  /** The senders that are permitted now without a refusal. */
  readonly SCREENPASS_PRESEED: string | null;
  /** Networks of watched senders that the list refuses or leaves to the tests. */
  readonly SCREENPASS_NEVER: string | null;
}
