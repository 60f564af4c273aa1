import { useEffect, useState } from 'react'

import { deleteRow, type DeviceRow, readRow, writeRow } from './device-database.ts'
import type { UploadTarget } from './upload-record.ts'
import { uploadsOwner } from './manage-uploads.ts'

/** A page of a document that is put together from photos. `turn`: degrees clockwise. */
export type DraftPage = { id: string; jpeg: Blob; width: number; height: number; turn: number }
type DraftRow = DeviceRow & { pages: DraftPage[] }

/** What a draft is for: a new document of a type, or a newer version of one document. */
export type DraftPlace = Pick<UploadTarget, 'firmId' | 'documentType' | 'documentId'>

const listeners = new Set<() => void>()

/** The pages that this person began for a document on this device; a phone may end the tab while its camera is open. */
export async function readDraft(place: DraftPlace): Promise<DraftPage[]> {
  const id = draftId(place)
  if (id === undefined) return []
  const row = await readRow<DraftRow>('drafts', id).catch(() => undefined)
  return row?.pages ?? []
}

/** False: the device stores nothing. */
export async function storeDraft(place: DraftPlace, pages: DraftPage[]): Promise<boolean> {
  const id = draftId(place)
  const personId = uploadsOwner()
  if (id === undefined || personId === undefined) return false
  const row: DraftRow = { id, personId, addedAt: Date.now(), pages }
  try {
    await (pages.length === 0 ? deleteRow('drafts', id) : writeRow('drafts', row))
    return true
  } catch {
    return false
  } finally {
    for (const listener of listeners) listener()
  }
}

/** The number of pages of the draft. */
export function useDraftLength({ firmId, documentType, documentId }: DraftPlace): number {
  const [length, setLength] = useState(0)
  useEffect(() => {
    let isLeft = false
    const read = async () => {
      const { length: now } = await readDraft({ firmId, documentType, documentId })
      if (!isLeft) setLength(now)
    }
    const listener = () => void read()
    listener()
    listeners.add(listener)
    return () => {
      isLeft = true
      listeners.delete(listener)
    }
  }, [firmId, documentType, documentId])
  return length
}

/** Undefined before it is known who is signed in. */
export function draftId({ firmId, documentType, documentId }: DraftPlace): string | undefined {
  const personId = uploadsOwner()
  return personId === undefined ? undefined : `${personId} ${firmId} ${documentType} ${documentId ?? 'new'}`
}
