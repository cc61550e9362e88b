// Why a sender is refused although its entry is in force, in words.

import type { Entry } from '../policy/entry.ts';
import { sawTable } from '../policy/policy.ts';
import type { PostscreenGate } from '../postscreen/gate.ts';
import type { Refusal } from '../postscreen/session.ts';

/** Why an entry that Postfix uses did not help. */
const WHY: Partial<Record<PostscreenGate, string>> = {
  overload:
    'Postfix was too busy to check the table. Raise postscreen_client_connection_count_limit in postfix-main.cf',
  'operator-reject':
    'a reject rule of yours comes before the rules of screenpass, in the table or in another one before it. Remove that rule',
};
const ELSE =
  'Postfix did not find it in the table. Run docker exec screenpass screenpass doctor: master.cf may override postscreen_access_list, or another rule may decide first';

/**
 * Why a refusal came although the entry opens the address; null when the session began before Postfix was proven to use
 * the entry.
 */
export function whyStillRefused(entry: Entry, refusal: Refusal): string | null {
  return sawTable(entry, refusal) ? (WHY[refusal.gate] ?? ELSE) : null;
}
