// Silence ends the program: no heartbeat within the session, no assignment, no answer to a fetch.

import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { startWatchdog, type Watchdog } from '../../../core/edge/kafka/watchdog.ts';

let watchdog: Watchdog;
let silence: string[];
let answeredAt: () => number;

beforeEach(() => {
  vi.useFakeTimers();
  silence = [];
  answeredAt = Date.now;
  watchdog = startWatchdog({
    sessionMs: 6000,
    rebalanceMs: 20_000,
    answeredAt: () => answeredAt(),
    onSilence: what => silence.push(what),
  });
});
afterEach(() => {
  watchdog.stop();
  vi.useRealTimers();
});

function beatFor(ms: number): void {
  for (let at = 0; at < ms; at += 1000) {
    vi.advanceTimersByTime(1000);
    watchdog.beat();
  }
}

test('heartbeats keep it quiet, their end does not', () => {
  watchdog.joined();
  beatFor(60_000);
  expect(silence).toEqual([]);
  vi.advanceTimersByTime(7000);
  expect(silence).toEqual([expect.stringContaining('no heartbeat')]);
  vi.advanceTimersByTime(60_000);
  expect(silence).toHaveLength(1);
});

test('a rebalance has its own time', () => {
  watchdog.joined();
  beatFor(2000);
  watchdog.joining();
  vi.advanceTimersByTime(25_000);
  expect(silence).toEqual([]);
  vi.advanceTimersByTime(3000);
  expect(silence).toEqual([expect.stringContaining('no assignment')]);
});

test('fetches that hang while heartbeats go on are noticed', () => {
  watchdog.joined();
  const stuck = Date.now();
  answeredAt = () => stuck;
  beatFor(40_000);
  expect(silence).toEqual([expect.stringContaining('no answer to a fetch')]);
});

test('a process that was stopped for a while is not ended for that', () => {
  watchdog.joined();
  vi.setSystemTime(Date.now() + 60_000); // timers do not run meanwhile
  beatFor(2000);
  expect(silence).toEqual([]);
});
