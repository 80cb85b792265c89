/** Virtual time: what is to happen, in the order of its time, and of its scheduling where times are equal. */
export interface Schedule {
  /** Milliseconds that nobody in the world can see: each has a clock of its own. */
  now(): number;
  at(time: number, happen: () => void): void;
  /** Lets all happen that is due by then, or until `done`, which is asked now and then. */
  run(until: number, done?: () => boolean): void;
  /** How much has happened. */
  events(): number;
}

interface Happening {
  readonly at: number;
  readonly order: number;
  readonly happen: () => void;
}

/** Events in one ms of the world without an end to them mean that it never comes to rest. */
const mostAtOnce = 100_000;
/** Whether a run is done is asked after so many events, and after so long a time in which less happened. */
const askedEvents = 64;
const askedMs = 1_000;

export function createSchedule(): Schedule {
  const heap: Happening[] = [];
  let now = 0;
  let order = 0;
  let events = 0;
  let atOnce = 0;

  const before = (a: Happening, b: Happening) => a.at < b.at || (a.at === b.at && a.order < b.order);

  function put(happening: Happening): void {
    let place = heap.length;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (!before(happening, heap[parent]!)) break;
      heap[place] = heap[parent]!;
      place = parent;
    }
    heap[place] = happening;
  }

  function takeFirst(): Happening {
    const first = heap[0]!;
    const last = heap.pop()!;
    if (heap.length === 0) return first;
    let place = 0;
    for (;;) {
      let child = 2 * place + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++;
      if (!before(heap[child]!, last)) break;
      heap[place] = heap[child]!;
      place = child;
    }
    heap[place] = last;
    return first;
  }

  return {
    now: () => now,
    at: (time, happen) => put({ at: Math.max(now, time), order: order++, happen }),
    run(until, done) {
      let asked = now;
      while (heap.length > 0 && heap[0]!.at <= until) {
        const { at, happen } = takeFirst();
        atOnce = at === now ? atOnce + 1 : 0;
        if (atOnce > mostAtOnce) throw new Error(`the world never comes to rest at ${now} ms`);
        now = at;
        events++;
        happen();
        if (done === undefined || (events % askedEvents !== 0 && now - asked < askedMs)) continue;
        asked = now;
        if (done()) return;
      }
      if (done?.() !== true) now = Math.max(now, until);
    },
    events: () => events,
  };
}
