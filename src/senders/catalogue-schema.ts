// The shape of the bundled catalogue, and of what it shares with the operator's senders file. The senders themselves are
// in catalogue.json.
import * as z from 'zod';
import { problem, type Result } from '../core/base/result.ts';
import { unfit } from '../core/net/limits.ts';
import { parseNetwork } from '../core/net/network.ts';
import { CATEGORIES, SENDER_ID, type SenderDefinition } from '../core/senders/sender.ts';

export const SenderId = z
  .string()
  .regex(
    SENDER_ID,
    'a sender id has 1 to 64 lower-case letters, digits and "-", and does not begin with "-"',
  );

/** Text from which `read` makes a value; otherwise its problem. */
export function readBy<T>(read: (text: string) => Result<T>) {
  return z.string().transform((text, context): T => {
    const result = read(text);
    if (result.ok) return result.value;
    context.addIssue({ code: 'custom', message: result.problem });
    return z.NEVER;
  });
}

export const PublishedNetwork = readBy((text) => {
  const parsed = parseNetwork(text);
  const reason = parsed.ok ? unfit(parsed.value) : null;
  return reason === null ? parsed : problem(`"${text}" is ${reason}`);
});

const Catalogue = z.strictObject({
  generated: z.iso.date(),
  senders: z.array(
    z.strictObject({
      id: SenderId,
      name: z.string().min(1),
      category: z.enum(CATEGORIES),
      /** In the set `default` of SCREENPASS_SENDERS. */
      default: z.boolean(),
      /** Why it is not in that set. */
      note: z.string().optional(),
      confidence: z.enum(['high', 'medium', 'low']),
      /** What the networks were taken from, and when that was last seen. */
      source: z.string(),
      seen: z.string().regex(/^(?:\d{4}(?:-\d\d)?|unknown)$/, 'a year, a month such as 2026-11, or unknown'),
      spf: z.array(z.string()),
      rdns: z.array(z.string()),
      /** SPF authorises addresses that no list can hold. */
      unlistable: z.boolean().default(false),
      /** Lists are known to lack some addresses: reverse names count. */
      incomplete: z.boolean().default(false),
      networks: z.array(PublishedNetwork),
    }),
  ),
});

/** Checks the catalogue. Throws with every problem and its place: a wrong catalogue is a bug of the build. */
export function readCatalogue(data: unknown): readonly SenderDefinition[] {
  const parsed = Catalogue.safeParse(data);
  if (!parsed.success) throw new Error(`catalogue.json: ${z.prettifyError(parsed.error)}`);
  return parsed.data.senders.map((sender) => ({ ...sender, pinned: false }));
}
