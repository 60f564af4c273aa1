/** Parts of a setting by name, as JSON. */
export type Items = Record<string, unknown>

/** `from` undefined: it is new; `to` undefined: it goes. */
export type Change = { item: string; from: unknown; to: unknown }

export function compareItems(present: Items, wanted: Items): Change[] {
  const names = new Set([...Object.keys(present), ...Object.keys(wanted)])
  return [...names].flatMap((item) => {
    const [from, to] = [present[item], wanted[item]]
    return isSame(from, to) ? [] : [{ item, from, to }]
  })
}

/** Whether two values say the same as JSON, in whatever order of names. */
export function isSame(one: unknown, other: unknown): boolean {
  return JSON.stringify(inOrder(one)) === JSON.stringify(inOrder(other))
}

function inOrder(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inOrder)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).toSorted(([one], [other]) => (one < other ? -1 : 1))
  return Object.fromEntries(entries.map(([name, each]) => [name, inOrder(each)]))
}
