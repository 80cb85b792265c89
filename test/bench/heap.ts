/** Items with the least `at` first, and in the order of their coming where that is the same. */
export interface Heap<T> {
  push(at: number, item: T): void;
  /** The time of the first item; Infinity where there is none. */
  next(): number;
  pop(): T;
}

interface Node<T> {
  readonly at: number;
  readonly order: number;
  readonly item: T;
}

export function createHeap<T>(): Heap<T> {
  const nodes: Node<T>[] = [];
  let pushed = 0;
  const before = (a: Node<T>, b: Node<T>) => a.at < b.at || (a.at === b.at && a.order < b.order);
  return {
    next: () => nodes[0]?.at ?? Number.POSITIVE_INFINITY,
    push(at, item) {
      const node = { at, order: pushed++, item };
      let place = nodes.length;
      while (place > 0) {
        const parent = (place - 1) >> 1;
        if (!before(node, nodes[parent]!)) break;
        nodes[place] = nodes[parent]!;
        place = parent;
      }
      nodes[place] = node;
    },
    pop() {
      const first = nodes[0]!;
      const last = nodes.pop()!;
      if (nodes.length === 0) return first.item;
      let place = 0;
      for (;;) {
        let child = 2 * place + 1;
        if (child >= nodes.length) break;
        if (child + 1 < nodes.length && before(nodes[child + 1]!, nodes[child]!)) child++;
        if (!before(nodes[child]!, last)) break;
        nodes[place] = nodes[child]!;
        place = child;
      }
      nodes[place] = last;
      return first.item;
    },
  };
}
