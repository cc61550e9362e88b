import { describe, expect, it } from 'vitest';
import { createLogClock } from '../../../src/core/log/log-clock.ts';

const MINUTE = 60_000;
const DAY = 1440 * MINUTE;

describe('the time by which entries expire', () => {
  it('is that of the last line, however late it is read', () => {
    const clock = createLogClock(0, null);
    expect(clock.now).toBeNull();
    for (let at = 0; at <= 100 * MINUTE; at += MINUTE) {
      clock.line(at);
      clock.minute(1e12);
      expect(clock.now).toBe(at);
    }
  });

  it('goes on in a log that is silent', () => {
    const clock = createLogClock(0, 0);
    clock.line(0);
    for (let now = 30_000; now < 60 * MINUTE; now += MINUTE) clock.minute(now);
    expect(clock.now).toBe(59.5 * MINUTE);
  });

  it.each([
    30 * DAY,
    -30 * DAY,
    DAY / 2,
  ])('is in doubt after a jump by %d ms, until as much went by, a day at most', (jump) => {
    const clock = createLogClock(0, 100 * DAY);
    const doubt = Math.min(DAY, Math.abs(jump));
    let at = 100 * DAY + jump;
    for (clock.line(at); at < 100 * DAY + jump + doubt - MINUTE; at += MINUTE) {
      expect(clock.now).toBeNull();
      clock.line(at);
    }
    clock.line(at + MINUTE);
    expect(clock.now).toBe(at + MINUTE);
  });

  it('keeps its doubt over a restart', () => {
    const before = createLogClock(0, 0);
    before.line(30 * DAY);
    expect(createLogClock(before.doubtMs, 30 * DAY).now).toBeNull();
  });
});
