// The shape of the saved state: reads it, checks it and brings it to the present version. It does not read the file.
import * as z from 'zod';
import { parseAddress, parseNetwork } from '../net/network.ts';
import { REASONS, type Reason } from '../policy/policy.ts';
import { LATER_GATES, POSTSCREEN_GATES } from '../postscreen/gate.ts';
import { SENDER_ID } from '../senders/sender.ts';
import { FAULT_KINDS } from '../watch/faults.ts';
import { migrate } from './migrate.ts';
import { STATE_VERSION, type State } from './state.ts';

const SenderId = z.string().regex(SENDER_ID);

/** Milliseconds since the epoch, as far as Date reaches. */
const Time = z.int().min(0).max(8.64e15);

const Mark = z.strictObject({ stamp: z.string().regex(/^\d{4}-[\dT:.-]{24}Z$/), count: z.int().positive() });

const NetworkText = z.string().refine((text) => parseNetwork(text).ok, 'not a network');

const SavedKnowledge = z.strictObject({
  spf: z.array(z.string()),
  askedAt: Time.nullable(),
  listed: z.strictObject({ networks: z.array(NetworkText), at: Time, unlistable: z.boolean() }).nullable(),
  leaving: z.array(z.strictObject({ network: NetworkText, since: Time })),
  proven: z.array(
    z.strictObject({
      network: NetworkText,
      by: z.enum(['spf', 'rdns']),
      at: Time,
      doubted: Time.nullable(),
    }),
  ),
  trouble: z
    .strictObject({
      kind: z.enum(['failed', 'suspicious']),
      reason: z.string(),
      acceptable: z.boolean(),
      since: Time,
    })
    .nullable(),
});

const AddressText = z.string().refine((text) => parseAddress(text) !== undefined, 'not an address');

const SavedRefusal = z.strictObject({
  ip: AddressText,
  port: z.int().min(0).max(65_535),
  connectedAt: Time.nullable(),
  at: Time,
  gate: z.enum(POSTSCREEN_GATES),
  code: z.int().nullable(),
  enhanced: z.string().nullable(),
  zones: z.array(z.string()),
});

const Count = z.int().min(0);
const Counts = z.record(z.string(), Count);
const Day = z.iso.date();

const SavedDay = z.strictObject({
  refusals: z.record(SenderId, Counts),
  recovered: Counts,
  stillRefused: Counts,
  zones: Counts,
  strangers: Count,
});

const SavedDecidedRefusal = z.strictObject({
  sender: SenderId,
  container: z.string(),
  refusal: SavedRefusal,
  evidence: z.enum(['network', 'spf', 'rdns']),
  decision: z.strictObject({
    kind: z.enum(['allow', 'keep', 'wait', 'refuse']),
    reason: z.enum(Object.keys(REASONS) as Reason[]),
  }),
});

const SavedOtherRefusal = z.strictObject({
  sender: SenderId,
  client: z.string(),
  at: Time,
  gate: z.enum(LATER_GATES),
  code: z.int().nullable(),
  enhanced: z.string().nullable(),
  text: z.string().nullable(),
  mark: z.string(),
});

function bursts<T extends z.ZodType>(event: T) {
  const waiting = z.strictObject({ first: event, last: event, count: z.int().min(1) });
  return z.array(z.strictObject({ key: z.string(), since: Time, told: Count, waiting: waiting.nullable() }));
}

const SavedQuestion = z.strictObject({ refusal: SavedRefusal, tries: Count, askedAt: Time.nullable() });

const SavedVeto = z.strictObject({
  address: AddressText,
  zone: z.string(),
  since: Time,
  askedAt: Time.nullable(),
});

const SavedFault = z.strictObject({
  kind: z.enum(FAULT_KINDS),
  subject: z.string(),
  reason: z.string(),
  facts: z.record(z.string(), z.union([z.string(), z.number(), z.null()])),
  blocking: z.boolean(),
  since: Time,
  tries: Count,
  triedAt: Time,
  dueAt: Time,
  isOpen: z.boolean(),
  reportedAt: Time.nullable(),
  reportedReason: z.string().nullable(),
  endedAt: Time.nullable(),
});

const SavedState = z.strictObject({
  version: z.literal(STATE_VERSION),
  cursor: z
    .strictObject({
      container: z.string(),
      stdout: Mark.nullable(),
      stderr: Mark.nullable(),
      trail: z.array(Mark.extend({ stream: z.enum(['stdout', 'stderr']) })),
    })
    .nullable(),
  entries: z.array(
    z.strictObject({
      sender: z.union([SenderId, NetworkText]),
      scope: z.enum(['sender', 'network', 'address']),
      networks: z.array(NetworkText),
      since: Time,
      lastSeen: Time,
      until: Time.nullable(),
      granted: Time.nullable(),
      reason: z.string().nullable(),
      cause: z.string().nullable(),
      refusedAt: Time.nullable(),
      announced: z.boolean(),
      inForce: Time.nullable(),
    }),
  ),
  refusals: z.record(SenderId, z.array(Time)),
  gaveUp: z.record(SenderId, Time),
  senders: z.record(SenderId, SavedKnowledge),
  questions: z.array(SavedQuestion),
  vetoes: z.array(SavedVeto),
  cleared: z.record(AddressText, Time),
  vetoQuestions: z.array(SavedQuestion),
  lastRefusal: z
    .strictObject({ sender: SenderId, client: z.string(), gate: z.enum(POSTSCREEN_GATES), at: Time })
    .nullable(),
  bursts: bursts(SavedDecidedRefusal),
  otherGates: bursts(SavedOtherRefusal),
  days: z.record(Day, SavedDay),
  digested: z.strictObject({ at: Time, through: Day }).nullable(),
  loaded: z.string().nullable(),
  written: z.string().nullable(),
  doubtMs: Count,
  faults: z.array(SavedFault),
});

/** `newer`: a later version of screenpass wrote it, and nothing is known to be wrong with it. */
export type ReadState =
  | { readonly ok: true; readonly state: State }
  | { readonly ok: false; readonly kind: 'damaged'; readonly problem: string }
  | { readonly ok: false; readonly kind: 'newer'; readonly version: number; readonly problem: string };

/** A problem of a damaged state is reported in at most this many characters. */
const LONGEST_PROBLEM = 400;

/** The saved state, brought to the present version, or why the text cannot be used. Never throws. */
export function readState(text: string): ReadState {
  let saved: unknown;
  try {
    saved = JSON.parse(text);
  } catch (error) {
    return damaged((error as Error).message);
  }
  const migrated = migrate(saved);
  if (migrated.kind === 'none') return damaged('it has no version that screenpass ever had');
  if (migrated.kind === 'newer') {
    const { version } = migrated;
    const problem = `it is of version ${version}, and this screenpass knows none after ${STATE_VERSION}`;
    return { ok: false, kind: 'newer', version, problem };
  }
  const parsed = SavedState.safeParse(migrated.saved);
  if (parsed.success) return { ok: true, state: parsed.data };
  return damaged(z.prettifyError({ issues: parsed.error.issues.slice(0, 5) }));
}

function damaged(problem: string): ReadState {
  return { ok: false, kind: 'damaged', problem: problem.slice(0, LONGEST_PROBLEM) };
}
