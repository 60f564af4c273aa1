import { useSyncExternalStore } from 'react'

import type { Upload } from './upload-record.ts'

let uploads: readonly Upload[] = []
const listeners = new Set<() => void>()
const firmListeners = new Set<(firmId: string) => void>()

export function useUploads(firmId: string): readonly Upload[] {
  const all = useSyncExternalStore(subscribe, listUploads)
  return all.filter(({ target }) => target.firmId === firmId)
}

/** Calls back after each stored document of the firm; returns how to stop. */
export function onFirmUpload(firmId: string, callback: () => void): () => void {
  const listener = (id: string) => {
    if (id === firmId) callback()
  }
  firmListeners.add(listener)
  return () => firmListeners.delete(listener)
}

export function announceDocument({ target }: Pick<Upload, 'target'>): void {
  for (const listener of firmListeners) listener(target.firmId)
}

/** The uploads that this tab shows, also those that another tab sends. */
export function listUploads(): readonly Upload[] {
  return uploads
}

export function findUpload(id: string): Upload | undefined {
  return uploads.find((upload) => upload.id === id)
}

export function updateUpload(id: string, facts: Partial<Upload>): void {
  changeUploads(uploads.map((upload) => (upload.id === id ? Object.assign({}, upload, facts) : upload)))
}

export function changeUploads(next: readonly Upload[]): void {
  uploads = next
  for (const listener of listeners) listener()
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}
