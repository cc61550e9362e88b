import { expect, it } from 'vitest';
import type { Monitor, Page } from '../../src/ports.ts';
import { World } from '../double/world.ts';

/** What a monitor sees of the daemon, without a network. */
function looker(): { monitor: Monitor; look: (path: string) => Page } {
  let served: ReadonlyMap<string, () => Page> = new Map();
  return {
    monitor: {
      serve: async (pages) => {
        served = pages;
        return { ended: Promise.resolve() };
      },
    },
    look(path) {
      const page = served.get(path);
      if (page === undefined) throw new Error(`nothing is served at ${path}`);
      return page();
    },
  };
}

it('shows a monitor whether all is well, and what was refused', async () => {
  await using world = await World.create();
  const { monitor, look } = looker();
  world.start({}, { monitor });
  await world.alert('started');
  await world.until('the log is followed', () => world.engine.followers > 0);
  await world.connect('54.240.27.75');
  await world.alert('reload-done');
  await world.until('all is well', () => look('/healthz').code === 200);
  expect(look('/healthz')).toMatchObject({ code: 200, text: '{"healthy":true,"reasons":[]}\n' });
  const { text, contentType } = look('/metrics');
  expect(contentType).toContain('version=0.0.4');
  expect(text).toContain('\nscreenpass_refusals_total{sender="amazon-ses",gate="dnsbl"} 1\n');
  expect(text).toContain('\nscreenpass_alerts_total{kind="sender-allowed"} 1\n');
  expect(text).toContain('\nscreenpass_entries 1\n');
  // What a client says of itself is nowhere.
  expect(text).not.toMatch(/54\.240|smtp-out|a@amazonses/);

  world.engine.stop();
  await world.eventually('the loss is told', () => world.told('mailserver-lost').length > 0);
  expect(look('/healthz')).toEqual({
    code: 503,
    contentType: 'application/json',
    text: '{"healthy":false,"reasons":["the log of mailserver is not followed"]}\n',
  });
  expect(look('/metrics').text).toContain('\nscreenpass_healthy 0\n');
});
