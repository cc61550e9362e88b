// What doctor says of access lists, and what postscreen does with them: random ones, on the double. The double itself is
// held to a real postscreen by test/e2e/lists.e2e.test.ts, with lists from the same source.
import { rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { BLOCK, Patient, TABLE } from '../double/patient.ts';
import { CLIENT, FILES, isAboutOne, type RandomList, randomList } from '../double/random-list.ts';
import { follow, repair } from './follow.ts';
import { of } from './illness.ts';

const OURS = `cidr:${TABLE}`;
const LISTS = randomList(dirname(TABLE), OURS);

async function install(patient: Patient, { items, files, above }: RandomList): Promise<void> {
  for (const name of FILES) await rm(join(patient.folder, name), { force: true });
  for (const [name, text] of Object.entries(files)) await writeFile(join(patient.folder, name), text);
  await patient.writeTable(`${above}${BLOCK}`);
  patient.mail.accessList = items.join(', ');
  patient.mail.idle();
}

async function see(patient: Patient) {
  const isIn = (await patient.connect(CLIENT)) === 'allowlisted';
  const findings = await patient.look();
  return { isIn, order: of('order', findings), isRead: of('table-postfix', findings).verdict !== 'fail' };
}

it('says that something is in the way of the table exactly when postscreen does not let an opened sender in', async () => {
  await using patient = await Patient.create();
  const seen = { in: 0, out: 0 };
  await fc.assert(
    fc.asyncProperty(LISTS, async (list) => {
      await install(patient, list);
      const { isIn, order, isRead } = await see(patient);
      if (!isRead || isAboutOne(list)) return;
      seen[isIn ? 'in' : 'out'] += 1;
      expect([order.verdict === 'fail', order.says]).toEqual([!isIn, order.says]);
    }),
    { numRuns: 100 },
  );
  // Both happen, or this shows nothing.
  expect(Math.min(seen.in, seen.out)).toBeGreaterThan(20);
});

it('has a remedy whose line makes the check ok when it is put there, and lets the sender in', async () => {
  await using patient = await Patient.create();
  let followed = 0;
  await fc.assert(
    fc.asyncProperty(LISTS, async (list) => {
      await install(patient, list);
      const { order, isRead } = await see(patient);
      if (!isRead || isAboutOne(list) || order.remedy === null) return;
      followed += 1;
      await follow(patient, order.remedy);
      expect(await see(patient)).toMatchObject({ isIn: true, order: { verdict: 'ok' } });
    }),
    { numRuns: 100 },
  );
  expect(followed).toBeGreaterThan(10);
});

/** Tables that are files, in front of ours: whatever is wrong can be repaired where it is. */
const IN_FILES = LISTS.map((list) => {
  const front = list.items.filter((item) => item.endsWith('.cidr') && item !== OURS);
  return { ...list, above: '', items: ['permit_mynetworks', ...new Set(front), OURS] };
});

it('has a remedy whose repair makes the check ok in place of the line, and lets the sender in', async () => {
  await using patient = await Patient.create();
  let followed = 0;
  await fc.assert(
    fc.asyncProperty(IN_FILES, async (list) => {
      await install(patient, list);
      const { order } = await see(patient);
      if (isAboutOne(list) || order.remedy === null) return;
      followed += 1;
      await repair(patient, order.remedy);
      expect(await see(patient)).toMatchObject({ isIn: true, order: { verdict: 'ok' } });
    }),
    { numRuns: 100 },
  );
  expect(followed).toBeGreaterThan(10);
});
