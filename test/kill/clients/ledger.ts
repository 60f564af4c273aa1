/** A file that was uploaded at least once. Its bytes are like no other's, so that its hash says which one it is. */
export type SentFile = {
  sha256: string
  size: number
  firmId: string
  cycle: number
  idempotencyKey: string | undefined
}

/** A document that the service answered 201 for, and what it must hold for ever. */
export type Answered = SentFile & { documentId: string }

/**
 * What was sent and what was promised, kept outside of the service. Only a 201 is a promise; a refusal or a lost answer
 * promises nothing, and then the document may be there or not.
 */
export type Ledger = {
  noteSent(file: SentFile): void
  /** Gives the ids that the same file was answered with before, when they are others. */
  noteAnswered(file: SentFile, documentId: string): string[]
  /** They were purged, on purpose. */
  forget(documentIds: string[]): void
  findSent(sha256: string): SentFile | undefined
  answered(): Answered[]
  /** Those of one firm, without copying the whole. */
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
