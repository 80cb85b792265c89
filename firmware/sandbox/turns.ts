/** Jobs that go on at the same time, each in a process of its own, at most. */
export const mostAtOnce = 8;

/** Starts jobs in the order in which they come, `mostAtOnce` at a time. A job calls `done` once, when it is. */
export function createTurns(): (job: (done: () => void) => void) => void {
  const waiting: ((done: () => void) => void)[] = [];
  let running = 0;
  const next = () => {
    if (running === mostAtOnce) return;
    const job = waiting.shift();
    if (job === undefined) return;
    running++;
    job(() => {
      running--;
      next();
    });
  };
  return (job) => {
    waiting.push(job);
    next();
  };
}
