import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { World } from '../double/world.ts';

const MINUTE = '* * * * *';

/** An address in no list, the nth of as many networks. */
const stranger = (n: number) => `185.${150 + (n >> 8)}.${n & 255}.9`;

const reverse = (ip: string) => `${ip.split('.').reverse().join('.')}.in-addr.arpa`;

async function quiet(world: World): Promise<void> {
  for (let seen = -1; seen !== world.questions.length; ) {
    seen = world.questions.length;
    for (let turn = 0; turn < 20; turn += 1) await new Promise((done) => setImmediate(done));
  }
}

const following = () => World.following({ SCREENPASS_SENDERS: 'amazon-ses,salesforce' });

it('a question without an answer is asked again a minute later, however often the log is opened anew', async () => {
  await using world = await following();
  const ip = stranger(1);
  world.zone = { [reverse(ip)]: 'SERVFAIL' };
  await world.connect(ip);
  const asked = () => world.questions.filter((one) => one === `PTR ${ip}`).length;
  await world.until('it is asked about', () => asked() === 1);
  for (let opened = 2; opened <= 70; opened += 1) {
    const before = world.engine.requests.length;
    world.engine.cutStreams();
    await world.eventually('the log is followed again', () =>
      world.engine.requests.slice(before).some((request) => request.includes('/logs')),
    );
  }
  await quiet(world);
  expect(asked()).toBeLessThan(5);
  await world.stop();
  expect(JSON.parse(await readFile(world.stateFile, 'utf8')).questions).toHaveLength(1);
});

it('refusals for which there is no room are counted and reported, at once and then each hour', async () => {
  await using world = await following();
  world.dnsAnswers = new Promise(() => {});
  for (let n = 1; n <= 53; n += 1) await world.connect(stranger(n));
  expect(await world.alert('questions-dropped')).toMatchObject({ client: stranger(51), count: 1 });
  await quiet(world);
  expect(await world.ask('status')).toMatchObject({ result: { questions: 50, droppedQuestions: 3 } });
  world.clock.runJob(MINUTE);
  expect(world.told('questions-dropped')).toHaveLength(1);
  world.clock.advance(3_600_000);
  world.clock.runJob(MINUTE);
  expect(await world.alert('questions-dropped', 2)).toMatchObject({ client: stranger(53), count: 2 });
});

it('a network that floods takes no turn of a stranger from elsewhere, though DNS answers nobody', async () => {
  await using world = await following();
  world.dnsAnswers = new Promise(() => {});
  for (let n = 1; n <= 100; n += 1) await world.connect(`2a0e:97c0:1:${n.toString(16)}::1`);
  await quiet(world);
  await world.connect(stranger(1));
  await world.until('it is asked about', () => world.questions.includes(`PTR ${stranger(1)}`));
});
