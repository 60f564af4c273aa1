/** Something about the trail that is not as it was sealed. */
export type TrailFinding = {
  kind: TrailFault
  /** The seal it is about; undefined for what no seal has yet. */
  seal?: number
  /** The event it is about, by its id. */
  event?: string
  /** For a person: what is wrong, in one sentence. */
  detail: string
}

const trailFaults = [
  'event_edited',
  'event_removed',
  'event_added',
  'events_reordered',
  'seal_edited',
  'seal_missing',
  'seal_replaced',
  'trail_truncated',
] as const
export type TrailFault = (typeof trailFaults)[number]
