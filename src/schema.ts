import * as z from 'zod';
import type { CatalogueEntry } from './config.ts';
import { type Network, overlap, parseNetwork } from './core/network.ts';
import { RESERVED, WIDEST } from './core/policy.ts';
import type { State } from './core/state.ts';

/** The shapes of data that come from outside the program: the catalogue and the saved state. */

const SenderId = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,63}$/, 'a sender id has lower-case letters, digits and "-"');

const PublishedNetwork = z.string().transform((text, context): Network => {
  const parsed = parseNetwork(text);
  const complaint = parsed.ok ? unfit(parsed.value) : parsed.problem;
  if (parsed.ok && complaint === null) return parsed.value;
  context.addIssue({ code: 'custom', message: complaint ?? 'not a network' });
  return z.NEVER;
});

/** What must not stand in a sender's list even by mistake. */
function unfit(network: Network): string | null {
  if (network.prefix < WIDEST[network.family]) return 'wider than any sender needs';
  return RESERVED.some((reserved) => overlap(reserved, network)) ? 'private or reserved address space' : null;
}

const Catalogue = z.strictObject({
  generated: z.iso.date(),
  senders: z.array(
    z.strictObject({
      id: SenderId,
      name: z.string().min(1),
      category: z.enum([
        'commerce',
        'mailbox',
        'marketing',
        'saas',
        'security-gateway',
        'social',
        'transactional',
      ]),
      /** In the set `default` of SCREENPASS_SENDERS. */
      default: z.boolean(),
      /** Why it is not in that set. */
      note: z.string().optional(),
      confidence: z.enum(['high', 'medium', 'low']),
      /** What the networks were taken from, and when that was last seen. */
      source: z.string(),
      seen: z.string(),
      spf: z.array(z.string()),
      rdns: z.array(z.string()),
      networks: z.array(PublishedNetwork),
    }),
  ),
});

/** Checks the catalogue. Throws with every problem and its place: a wrong catalogue is a bug of the build. */
export function readCatalogue(data: unknown): readonly CatalogueEntry[] {
  const parsed = Catalogue.safeParse(data);
  if (!parsed.success) throw new Error(`catalogue.json: ${z.prettifyError(parsed.error)}`);
  return parsed.data.senders;
}

/** Milliseconds since the epoch, as far as Date reaches. */
const Time = z.int().min(0).max(8.64e15);

const Mark = z.strictObject({ stamp: z.string().regex(/^\d{4}-[\dT:.-]{24}Z$/), count: z.int().positive() });

const SavedState = z.strictObject({
  version: z.literal(1),
  cursor: z
    .strictObject({ container: z.string(), stdout: Mark.nullable(), stderr: Mark.nullable() })
    .nullable(),
  entries: z.array(
    z.strictObject({
      sender: SenderId,
      scope: z.enum(['sender', 'network', 'address']),
      networks: z.array(z.string().refine((text) => parseNetwork(text).ok, 'not a network')),
      since: Time,
      lastSeen: Time,
      cause: z.string().nullable(),
      refusedAt: Time.nullable(),
      announced: z.boolean(),
      inForce: Time.nullable(),
    }),
  ),
  refusals: z.record(SenderId, z.array(Time)),
  gaveUp: z.record(SenderId, Time),
  loaded: z.string().nullable(),
});

/** The saved state, or what is wrong with the text. */
export function readState(
  text: string,
): { readonly ok: true; readonly state: State } | { readonly ok: false; problem: string } {
  try {
    const parsed = SavedState.safeParse(JSON.parse(text));
    return parsed.success
      ? { ok: true, state: parsed.data }
      : { ok: false, problem: z.prettifyError(parsed.error) };
  } catch (error) {
    return { ok: false, problem: (error as Error).message };
  }
}
