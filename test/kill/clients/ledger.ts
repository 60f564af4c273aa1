/** A file that was uploaded at least once. Its bytes are unique, so its hash identifies it. */
export type SentFile = {
  sha256: string
  size: number
  firmId: string
  cycle: number
  idempotencyKey: string | undefined
}

/** A document that the service answered with 201, and so must keep. */
export type Answered = SentFile & { documentId: string }

/**
 * The sent files and the promises, recorded outside of the service. Only a 201 is a promise. After an error or a lost
 * answer the document may exist or not.
 */
export type Ledger = {
  noteSent(file: SentFile): void
  /** Returns the other ids that the same file was answered with before. */
  noteAnswered(file: SentFile, documentId: string): string[]
  /** Documents that were purged on purpose. */
  forget(documentIds: string[]): void
  findSent(sha256: string): SentFile | undefined
  answered(): Answered[]
  /** The documents of one firm, without copying all. */
  answeredOf(firmId: string): readonly Answered[]
  sent(): SentFile[]
}

export function openLedger(): Ledger {
  const sent = new Map<string, SentFile>()
  const answered = new Map<string, Answered>()
  const byFirm = new Map<string, Answered[]>()
  const idsOf = new Map<string, Set<string>>()

  return {
    noteSent: (file) => void sent.set(file.sha256, file),
    noteAnswered(file, documentId) {
      const ids = idsOf.get(file.sha256) ?? new Set()
      const others = [...ids].filter((id) => id !== documentId)
      idsOf.set(file.sha256, ids.add(documentId))
      if (!answered.has(documentId)) {
        const promise = { ...file, documentId }
        answered.set(documentId, promise)
        byFirm.set(file.firmId, [...(byFirm.get(file.firmId) ?? []), promise])
      }
      return others
    },
    forget(documentIds) {
      for (const id of documentIds) answered.delete(id)
      for (const [firmId, promises] of byFirm)
        byFirm.set(
          firmId,
          promises.filter(({ documentId }) => !documentIds.includes(documentId)),
        )
    },
    findSent: (sha256) => sent.get(sha256),
    answered: () => [...answered.values()],
    answeredOf: (firmId) => byFirm.get(firmId) ?? [],
    sent: () => [...sent.values()],
  }
}
