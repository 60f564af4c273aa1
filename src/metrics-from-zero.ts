import type { Counter } from 'prom-client'

/** Shown before anything was counted: a figure that first appears as 1 has not risen, and wakes nobody. */
export function fromZero<Label extends string>(
  counter: Counter<Label>,
  all: Partial<Record<Label, string>>[],
): Counter<Label> {
  for (const labels of all) counter.inc(labels, 0)
  return counter
}
