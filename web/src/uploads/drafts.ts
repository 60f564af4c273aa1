import { useEffect, useState } from 'react'

import { deleteRow, type DeviceRow, readRow, writeRow } from './device-database.ts'
import type { UploadTarget } from './upload.ts'
import { uploadsOwner } from './uploads.ts'

/** A page of a document that is put together from photos. `turn`: degrees clockwise. */
export type DraftPage = { id: string; jpeg: Blob; width: number; height: number; turn: number }
type DraftRow = DeviceRow & { pages: DraftPage[] }

const listeners = new Set<() => void>()

/** The pages that this person began for a document on this device; a phone may end the tab while its camera is open. */
export async function readDraft(target: UploadTarget): Promise<DraftPage[]> {
  const id = idOf(target)
  if (id === undefined) return []
  const row = await readRow<DraftRow>('drafts', id).catch(() => undefined)
  return row?.pages ?? []
}

/** False: the device stores nothing. */
export async function storeDraft(target: UploadTarget, pages: DraftPage[]): Promise<boolean> {
  const id = idOf(target)
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
export function useDraftLength(target: UploadTarget): number {
  const [length, setLength] = useState(0)
  const { firmId, documentType } = target
  useEffect(() => {
    const read = () =>
      void readDraft({ firmId, documentType, typeName: '' }).then((pages) => setLength(pages.length))
    read()
    listeners.add(read)
    return () => void listeners.delete(read)
  }, [firmId, documentType])
  return length
}

function idOf({ firmId, documentType }: UploadTarget): string | undefined {
  const personId = uploadsOwner()
  return personId === undefined ? undefined : `${personId} ${firmId} ${documentType}`
}
