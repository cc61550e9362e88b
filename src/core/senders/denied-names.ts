// Distinguishes a DNS server that denies the senders' records from senders that have none. The answers of one sender are
// judged in list-judgement.ts.

import { type Expansion, NO_RECORD } from '../spf/spf-expand.ts';
import type { Knowledge } from './knowledge.ts';
import type { Answers } from './list-judgement.ts';
import type { SenderDefinition } from './sender.ts';

/** So few senders may lose their records at once, if others have theirs; more than so many do not in any case. */
const FEW = 3;
const MOST_AT_ONCE = 7;
/** So many of them are named. */
const NAMED = 5;

/**
 * The answers as they are to be judged: a server that denies the records of many senders at once has not answered. (A DNS
 * filter denies some names; a captive portal, or the server of an internal network, denies all.) A sender that had no
 * record before, when others had theirs, lost it by itself. `through`: the servers that were asked.
 */
export function unlessDenied(
  answers: readonly Answers[],
  known: (sender: SenderDefinition) => Knowledge,
  through: string,
): readonly Answers[] {
  const answered = answers.filter(({ expansions }) => expansions.some(({ kind }) => kind !== 'failed'));
  const denied = answered.filter(
    ({ sender, expansions }) => expansions.some(isDenial) && !hasLostRecord(known(sender)),
  );
  const many = denied.length > MOST_AT_ONCE || 2 * denied.length > answered.length;
  if (denied.length <= FEW || !many) return answers;
  const ids = denied.map(({ sender }) => sender.id);
  const more = ids.length > NAMED ? ` and ${ids.length - NAMED} more` : '';
  const distrust =
    `${through} knows no SPF record of ${ids.length} of ${answered.length} senders ` +
    `(${ids.slice(0, NAMED).join(', ')}${more}): a DNS filter, or a network without Internet? ` +
    'Name another server in SCREENPASS_DNS, or let it resolve these senders';
  return answers.map((one) => (denied.includes(one) ? { ...one, distrust } : one));
}

function isDenial(expansion: Expansion): boolean {
  return expansion.kind === 'invalid' && expansion.problem === NO_RECORD;
}

function hasLostRecord({ trouble }: Knowledge): boolean {
  return trouble?.kind === 'suspicious' && trouble.reason.endsWith(NO_RECORD);
}
