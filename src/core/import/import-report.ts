/** What `import` reports of a list: a verdict for each line, what each known sender has in it, and what settings replace. */

/** Verdicts of lines. `wrong`: the operator must act; `means` and `advice` complete "the line ..." and "what to do". */
export const LINE_VERDICTS = {
  everything: {
    wrong: true,
    means: 'decides for every IPv4 or IPv6 address: no rule below it is used, nor the block of screenpass',
    advice: 'remove it',
  },
  broken: {
    wrong: true,
    means: 'Postfix skips the line, or reads it differently than it was meant',
    advice: 'correct it or remove it: it has no effect as it is',
  },
  'unknown-action': {
    wrong: true,
    means: 'Postfix does not know the action, and ignores the rest of the list',
    advice: 'write `permit` or `reject`, or remove it',
  },
  unreachable: {
    wrong: true,
    means:
      'never decides: a rule above it or the `if` around it prevents that, or no client has such an address',
    advice: 'decide which of the rules you mean, and remove the other',
  },
  redundant: {
    wrong: true,
    means: 'another rule does the same for all of its addresses',
    advice: 'remove it: nothing changes',
  },
  'perhaps-stale': {
    wrong: true,
    means:
      'a known sender publishes most of it, or the comment names one, and no known sender publishes the rest',
    advice: 'ask the person that added it: screenpass cannot know whether it is still in use',
  },
  covered: {
    wrong: false,
    means: 'permits networks of watched senders only',
    advice:
      'remove it: screenpass opens these senders when postscreen refuses them, and follows their networks',
  },
  unwatched: {
    wrong: false,
    means: 'permits networks of known senders only, of which some are not watched',
    advice: 'remove it once `SCREENPASS_SENDERS` names these senders, else keep it',
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
    advice: 'keep it above the block of screenpass, since the first match decides',
  },
} as const;

export type LineVerdict = keyof typeof LINE_VERDICTS;

export interface JudgedLine {
  /** 1-based. */
  readonly line: number;
  readonly pattern: string;
  readonly verdict: LineVerdict;
  readonly why: string;
  /** Ids of the known senders that have networks in it, or that its comment names. */
  readonly senders: readonly string[];
  /** The network that a broken line probably meant; null: unknown, or the line is not broken. */
  readonly meant: string | null;
}

/** How much of what a sender publishes the list permits. */
export interface SenderCover {
  readonly sender: string;
  readonly name: string;
  readonly watched: boolean;
  readonly unlistable: boolean;
  readonly cover: 'all' | 'part';
  /** Numbers of its networks: all, those permitted whole, and those permitted in part. */
  readonly networks: { readonly total: number; readonly whole: number; readonly part: number };
  readonly ipv4: AddressCount;
  readonly ipv6: AddressCount;
  readonly asOf: string;
}

interface AddressCount {
  readonly total: number;
  readonly permitted: number;
}

export interface ImportReport {
  /** No line has an action: it is a list of networks, judged as if each were permitted. */
  readonly bare: boolean;
  /** The lines of our own block, which are left out; null: there is none. */
  readonly block: { readonly first: number; readonly last: number } | null;
  readonly senders: readonly SenderCover[];
  readonly lines: readonly JudgedLine[];
  readonly settings: ImportSettings;
}

/** What settings can replace of the list; null: nothing. */
export interface ImportSettings {
  /** Additions to SCREENPASS_SENDERS, so that unwatched senders are watched. */
  readonly SCREENPASS_SENDERS: string | null;
  /** The senders that the list permits without a refusal. */
  readonly SCREENPASS_PRESEED: string | null;
  /** Networks of watched senders that the list rejects or leaves to the tests. */
  readonly SCREENPASS_NEVER: string | null;
}
