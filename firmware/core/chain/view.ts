import type { View } from "../wire/types";

/** Negative where `a` comes before `b`: the generation first, then the attempt (PROTOCOL 4). */
export function compareViews(a: View, b: View): number {
  return a.sequence - b.sequence || a.attempt - b.attempt;
}

/** Whether `a` is absent, or below `b`. */
export function absentOrBelow(a: View | null, b: View): boolean {
  return a === null || compareViews(a, b) < 0;
}

/** Whether `a` is above `b`; an absent view is above nothing, and anything is above it. */
export function above(a: View | null, b: View | null): boolean {
  return a !== null && (b === null || compareViews(a, b) > 0);
}

export function laterView(a: View, b: View): View {
  return compareViews(a, b) >= 0 ? a : b;
}

export function showView(view: View): string {
  return `${view.sequence}.${view.attempt}`;
}
