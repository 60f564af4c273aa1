/** A kind of file that can be taken, known by its bytes. Another one is another entry here and its check. */
export type Format = {
  mimeType: string
  /** What a file of this kind may be called; the first one goes into its key. */
  extensions: readonly [string, ...string[]]
  name: string
}

export const formats: readonly Format[] = [
  { mimeType: 'application/pdf', extensions: ['pdf'], name: 'PDF' },
  { mimeType: 'image/jpeg', extensions: ['jpg', 'jpeg'], name: 'JPEG' },
  { mimeType: 'image/png', extensions: ['png'], name: 'PNG' },
]

/** What a document type takes when it names nothing. */
export const defaultMimeTypes = ['application/pdf', 'image/jpeg', 'image/png']

export function formatOf(mimeType: string): Format | undefined {
  return formats.find((format) => format.mimeType === mimeType)
}
