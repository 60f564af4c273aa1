/**
 * The file formats that the service accepts. Each has a check in `documents/formats/allowed-formats.ts`, which is run on the
 * whole file.
 */
export type FormatFacts = {
  mimeType: string
  name: string
  /** Other MIME types that clients send for it. */
  aliases: readonly string[]
  /** Extensions of its file names; the first one goes into the storage key. */
  extensions: readonly [string, ...string[]]
  /** Whether a browser may show it in place: it cannot contain a script, and browsers support it. */
  isInline: boolean
  /** Whether a document type that names no formats allows it. */
  isDefault: boolean
}

export const formatFacts = [
  {
    mimeType: 'application/pdf',
    name: 'PDF',
    aliases: ['application/x-pdf'],
    extensions: ['pdf'],
    isInline: true,
    isDefault: true,
  },
  {
    mimeType: 'image/jpeg',
    name: 'JPEG',
    aliases: ['image/jpg', 'image/pjpeg'],
    extensions: ['jpg', 'jpeg'],
    isInline: true,
    isDefault: true,
  },
  {
    mimeType: 'image/png',
    name: 'PNG',
    aliases: ['image/x-png'],
    extensions: ['png'],
    isInline: true,
    isDefault: true,
  },
  { mimeType: 'image/webp', name: 'WebP', aliases: [], extensions: ['webp'], isInline: true, isDefault: false },
  {
    mimeType: 'image/heic',
    name: 'HEIC',
    aliases: ['image/heif'],
    extensions: ['heic', 'heif'],
    isInline: false,
    isDefault: false,
  },
] as const satisfies FormatFacts[]

export type MimeType = (typeof formatFacts)[number]['mimeType']
export const mimeTypes: readonly MimeType[] = formatFacts.map(({ mimeType }) => mimeType)
