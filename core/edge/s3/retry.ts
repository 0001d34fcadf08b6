// Bounded retries with full jitter: writers that failed together do not come back together.

export interface RetryPlan {
  readonly attempts: number;
  readonly baseMs: number;
  readonly capMs: number;
}

/** About two minutes in all when nothing answers. */
export const defaultRetry: RetryPlan = { attempts: 12, baseMs: 100, capMs: 10_000 };

/** Milliseconds to wait before attempt `attempt` (1: the second); `random` from 0 to 1. */
export function delayBefore(plan: RetryPlan, attempt: number, random: number): number {
  return random * Math.min(plan.capMs, plan.baseMs * 2 ** attempt);
}

export type Attempt<T> = { readonly done: true; readonly value: T } | { readonly done: false; readonly error: unknown };

/** Calls `attempt` until it is done; after the last one throws what `exhausted` makes of its error. */
export async function retrying<T>(
  plan: RetryPlan,
  attempt: () => Promise<Attempt<T>>,
  exhausted: (error: unknown) => Error,
): Promise<T> {
  for (let n = 1; ; n++) {
    const result = await attempt();
    if (result.done) return result.value;
    if (n >= plan.attempts) throw exhausted(result.error);
    await new Promise(resolve => setTimeout(resolve, delayBefore(plan, n, Math.random())));
  }
}
