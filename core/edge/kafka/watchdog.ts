// A consumer that crashed in silence, or whose connection hangs, must not look alive (tulios/kafkajs#659): heartbeats and fetch
// answers have to come within the session timeout, and a new assignment within the rebalance timeout on top.

export interface Watchdog {
  beat(): void;
  /** A rebalance has begun: heartbeats stop until the next assignment. */
  joining(): void;
  joined(): void;
  stop(): void;
}

export interface WatchdogOptions {
  readonly sessionMs: number;
  readonly rebalanceMs: number;
  /** When a broker last answered a fetch; now, where none is awaited. */
  answeredAt(): number;
  /** Called once. */
  onSilence(what: string): void;
}

const tickMs = 500;

export function startWatchdog(options: WatchdogOptions): Watchdog {
  let isJoining = true;
  let beatless = 0;
  let answerless = 0;
  let seenAnswer = 0;
  // Counts ticks, not time: a process that was stopped for a while gets the chance to answer before it is judged.
  const timer = setInterval(() => {
    const answer = options.answeredAt();
    answerless = answer > seenAnswer ? 0 : answerless + tickMs;
    seenAnswer = answer;
    beatless += tickMs;
    const beatLimit = options.sessionMs + (isJoining ? options.rebalanceMs : 0);
    // A fetch goes through retries and a new leader, which is no reason to end as long as the group hears us.
    const answerLimit = 3 * options.sessionMs + options.rebalanceMs;
    if (beatless <= beatLimit && answerless <= answerLimit) return;
    clearInterval(timer);
    options.onSilence(
      beatless > beatLimit
        ? `no ${isJoining ? 'assignment' : 'heartbeat'} for ${beatless} ms, expected one within ${beatLimit} ms`
        : `no answer to a fetch for ${answerless} ms, expected one within ${answerLimit} ms`,
    );
  }, tickMs);
  timer.unref();
  return {
    beat: () => {
      beatless = 0;
    },
    joining: () => {
      isJoining = true;
    },
    joined: () => {
      isJoining = false;
      beatless = 0;
    },
    stop: () => clearInterval(timer),
  };
}
