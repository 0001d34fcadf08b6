// Preloaded (`--import`): the process's clock goes wrong by FAULTS_CLOCK_MS from the start on. Timers and monotonic time are as they were.

const shift = Number(process.env.FAULTS_CLOCK_MS ?? 0);
const RealDate = Date;
const now = (): number => RealDate.now() + shift;

globalThis.Date = new Proxy(RealDate, {
  construct: (target, args: unknown[], newTarget) =>
    Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget),
  apply: () => new RealDate(now()).toString(),
  get: (target, property, receiver) => (property === 'now' ? now : Reflect.get(target, property, receiver)),
});
