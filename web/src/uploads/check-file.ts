import { queryOptions, useQuery } from '@tanstack/react-query'

import { formatFacts } from '../../../src/contract/formats.ts'
import { Failure } from '../api/problem.ts'
import type { DocumentType, Firm } from '../api/queries.ts'
import { useFirm } from '../app/firm-frame.tsx'
import type { Texts } from '../texts/en.ts'
import type { Formats } from '../texts/formats.ts'
import { useFormats, useTexts } from '../texts/texts.tsx'

type AllowedTypes = Pick<DocumentType, 'allowed_types'>

/** What a file must be to be accepted. */
export type Rules = AllowedTypes & Pick<Firm, 'quota' | 'usage'> & { maxBytes: number | null }

/** The largest file of the service, which the protocol of resumable uploads publishes. Null: it does not say. */
const maxBytesQuery = (firmId: string) =>
  queryOptions({
    queryKey: ['max-bytes'],
    queryFn: async () => {
      const { headers } = await fetch(`/api/v1/security-firms/${firmId}/uploads`, { method: 'OPTIONS' })
      return Number(headers.get('tus-max-size') ?? 0) || null
    },
    staleTime: Infinity,
    retry: false,
  })

/** The rules for a file of this type, as far as they are known. A newer version of a document is no further document. */
export function useRules({ allowed_types, max_bytes: ofType }: DocumentType, documentId: string | undefined): Rules {
  const { id, quota: ofFirm, usage } = useFirm()
  const quota = documentId === undefined ? ofFirm : { ...ofFirm, documents: null }
  const ofService = useQuery(maxBytesQuery(id)).data ?? null
  const maxBytes = Math.min(ofType ?? Infinity, ofService ?? Infinity)
  return { allowed_types, maxBytes: Number.isFinite(maxBytes) ? maxBytes : null, quota, usage }
}

/** Checks a file by these rules before a byte is sent. */
export function useFileCheck(rules: Rules): (file: Pick<File, 'name' | 'size'>) => Failure | undefined {
  const { upload } = useTexts()
  const formats = useFormats()
  return (file) => {
    const problem = problemOf(file, rules, { upload, formats })
    return problem === undefined ? undefined : new Failure('rejected_here', 0, { detail: problem })
  }
}

/** The formats that a type accepts. */
function formatsOf({ allowed_types: allowed }: AllowedTypes) {
  return formatFacts.filter(({ mimeType, isDefault }) => (allowed === null ? isDefault : allowed.includes(mimeType)))
}

export function formatNames(rules: AllowedTypes): string[] {
  return formatsOf(rules).map(({ name }) => name)
}

/** For the attribute `accept` of a file picker: types for phones, extensions for desktops. */
export function acceptOf(rules: AllowedTypes): string {
  const formats = formatsOf(rules)
  const extensions = formats.flatMap((format) => format.extensions.map((extension) => `.${extension}`))
  return [...formats.map(({ mimeType }) => mimeType), ...extensions].join(',')
}

type Words = { upload: Texts['upload']; formats: Formats }

/** What is certainly wrong with a file. The service checks everything again. */
function problemOf(
  { name, size }: Pick<File, 'name' | 'size'>,
  rules: Rules,
  { upload, formats }: Words,
): string | undefined {
  if (size === 0) return upload.empty
  if (!isAccepted(name, rules)) return upload.wrongFormat(formats.either(formatNames(rules)))
  if (rules.maxBytes !== null && size > rules.maxBytes)
    return upload.tooLarge(formats.bytes(size), formats.bytes(rules.maxBytes))
  const { quota, usage } = rules
  if (quota.documents !== null && usage.documents >= quota.documents) return upload.tooMany(quota.documents)
  const left = quota.bytes === null ? Infinity : Math.max(0, quota.bytes - usage.bytes)
  return size > left ? upload.noRoom(formats.bytes(size), formats.bytes(left)) : undefined
}

function isAccepted(name: string, rules: AllowedTypes): boolean {
  const extension = name.split('.').at(-1)?.toLowerCase() ?? ''
  return formatsOf(rules).some(({ extensions }) => extensions.some((each) => each === extension))
}

/** Phones of Apple name the format HEIC or HEIF, and some browsers do not know its type. */
export function isHeic({ name, type }: Pick<File, 'name' | 'type'>): boolean {
  return /\.hei[cf]$/i.test(name) || /^image\/hei[cf]/.test(type)
}

export function isPhoto(file: Pick<File, 'name' | 'type'>): boolean {
  return file.type.startsWith('image/') || isHeic(file)
}
