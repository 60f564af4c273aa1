import type { Heads } from './check-chain.ts'

/** The newest seal, as somebody outside keeps it. */
export type Head = { number: number; hash: string; sealedAt: string }

/** A place outside of the database, where what the database’s owner does to the history shows. */
export type HeadKeeper = {
  /** For people: its path, or its address. */
  shown: string
  /** Keeping the same head again succeeds. */
  keep(head: Head): Promise<void>
  /** Throws `HeadsUnreadable`, or as the system does. */
  read(): Promise<Heads>
}

/** The task whose runs tell whether heads were kept. */
export const keepingTask = 'keep-audit-head'
