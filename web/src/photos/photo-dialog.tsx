import { createContext, lazy, type ReactNode, Suspense, useContext, useState } from 'react'

import type { DocumentType } from '../api/queries.ts'
import type { UploadTarget } from '../uploads/upload-record.ts'

const PhotoDocument = lazy(async () => ({ default: (await import('./photo-document.tsx')).PhotoDocument }))

/** What photos are put together for. */
export type PhotoTask = {
  type: DocumentType
  target: UploadTarget
  /** The photos to begin with; none: what was begun before. */
  files: readonly File[]
  /** Whether the files may also be uploaded as they are. */
  maySeparate: boolean
}

const OpenPhotos = createContext<(task: PhotoTask) => void>(() => undefined)

/** Opens the dialog that puts photos together. */
export function useOpenPhotos(): (task: PhotoTask) => void {
  return useContext(OpenPhotos)
}

/**
 * Has the dialog for the buttons below. The dialog outlives the button that opened it: an upload that ends meanwhile changes
 * the buttons of the view, and the pages are still for the document that they were begun for.
 */
export function PhotoDialog({ children }: { children: ReactNode }) {
  const [task, setTask] = useState<PhotoTask>()
  return (
    <OpenPhotos value={setTask}>
      {children}
      {task === undefined ? null : (
        <Suspense>
          <PhotoDocument {...task} close={() => setTask(undefined)} />
        </Suspense>
      )}
    </OpenPhotos>
  )
}
