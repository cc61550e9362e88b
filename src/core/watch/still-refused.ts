import type { Entry } from '../policy/entry.ts';
import { sawTable } from '../policy/policy.ts';
import type { PostscreenGate } from '../postscreen/gate.ts';
import type { Refusal } from '../postscreen/session.ts';

/** Why an entry that Postfix uses did not help. */
const WHY: Partial<Record<PostscreenGate, string>> = {
  overload: 'Postfix was too busy to ask the table: see postscreen_client_connection_count_limit',
  'operator-reject':
    'a reject rule of yours stands above the rules of screenpass, or in another table before it',
};
const ELSE =
  'Postfix did not find it in the table: does master.cf override postscreen_access_list (postconf -P), or another rule of yours answer first?';

/**
 * Why a refusal came although the entry opens the address; null when the session began before Postfix was proven to use
 * the entry.
 */
export function whyStillRefused(entry: Entry, refusal: Refusal): string | null {
  return sawTable(entry, refusal) ? (WHY[refusal.gate] ?? ELSE) : null;
}
