import * as fc from 'fast-check'

import { readableName } from '../../../src/vocabulary/readable-name.ts'

import { makeJpeg, makePdf, makePng } from '../../support/files/make-files.ts'
import { mostly, oddText } from './odd-text.ts'

/** The bytes of a form, and the required result. */
export type Form = {
  contentType: string
  bytes: Buffer
  /** The possible files of the form: if one is accepted, it is one of these. */
  files: Buffer[]
  /** Undefined for an invalid form: it may be accepted or rejected. */
  mustBeKeptAs: string | undefined
}

type File = { bytes: Buffer; ending: string; type: string }

const file: fc.Arbitrary<File> = fc
  .record({
    make: fc.constantFrom(
      { make: makePdf, ending: 'pdf', type: 'application/pdf' },
      { make: makePng, ending: 'png', type: 'image/png' },
      { make: makeJpeg, ending: 'jpg', type: 'image/jpeg' },
    ),
    spare: mostly(9, fc.nat(5000), fc.nat(200_000)),
    seed: fc.string({ maxLength: 4 }),
  })
  .map(({ make: { make, ending, type }, spare, seed }) => ({
    ending,
    type,
    bytes: make({ bytes: make().length + spare, seed }),
  }))

const boundaryCharacters = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'()+_,-./:=?"
const boundary = fc.string({ unit: fc.constantFrom(...Array.from(boundaryCharacters)), minLength: 1, maxLength: 70 })

/** Names that are stored unchanged, except for invisible characters: without control characters, slashes and possible escapes. */
const plainName = fc
  .oneof(
    fc.string({ unit: 'grapheme', minLength: 1, maxLength: 300 }),
    fc.string({ unit: 'binary', minLength: 1, maxLength: 60 }),
  )
  .map((text) => text.replaceAll(/[\p{Cc}\p{Cs}/\\%]/gu, '_'))
  .filter((text) => text.trim() !== '')

type Part = { head: string[]; content: Buffer }

const field: fc.Arbitrary<Part> = fc
  .record({
    name: fc.constantFrom('note', 'document_type', 'file', ''),
    content: fc.string({ unit: 'grapheme', maxLength: 40 }),
  })
  .map(({ name, content }) => ({
    head: [`Content-Disposition: form-data; name="${name}"`],
    content: Buffer.from(content),
  }))

/** `name` in quotes, as curl writes it, or as a parameter with a character set. */
function filePart({ bytes, type }: File, name: string, isExtended: boolean): Part {
  const quoted = name.replaceAll(/["\\]/g, (character) => `\\${character}`)
  const written = isExtended
    ? `filename*=UTF-8''${encodeURIComponent(name).replaceAll("'", '%27')}`
    : `filename="${quoted}"`
  return { head: [`Content-Disposition: form-data; name="file"; ${written}`, `Content-Type: ${type}`], content: bytes }
}

const plain = fc.record({
  file,
  name: plainName,
  isExtended: fc.boolean(),
  boundary,
  before: fc.array(field, { maxLength: 2 }),
  after: fc.array(field, { maxLength: 2 }),
})
type Plain = { file: File; name: string; isExtended: boolean; boundary: string; before: Part[]; after: Part[] }

/** A form that every program parses in the same way. */
const soundForm: fc.Arbitrary<Form> = plain.map((form) => {
  const name = `${form.name}.${form.file.ending}`
  return { ...write(form, partsOf(form, name)), mustBeKeptAs: shortened(readableName(name)) }
})

function partsOf({ file: sent, isExtended, before, after }: Plain, name: string): Part[] {
  return [...before, filePart(sent, name, isExtended), ...after]
}

function write(
  { boundary: line, file: sent }: Plain,
  parts: Part[],
  { newline = '\r\n', start = '', end = `--${line}--\r\n` } = {},
): Omit<Form, 'mustBeKeptAs'> {
  const pieces = parts.flatMap(({ head, content }) => [
    `--${line}${newline}${head.join(newline)}${newline}${newline}`,
    content,
    newline,
  ])
  const bytes = Buffer.concat([start, ...pieces, end].map((piece) => Buffer.from(piece)))
  return {
    contentType: `multipart/form-data; boundary="${line}"`,
    bytes,
    files: [sent.bytes, ...parts.map(({ content }) => content)],
  }
}

/** By the contract: 255 characters, shortened before the extension. */
function shortened(name: string): string {
  const [characters, ending] = [Array.from(name), Array.from(/\.[a-z]+$/.exec(name)?.[0] ?? '')]
  return characters.length <= 255 ? name : [...characters.slice(0, 255 - ending.length), ...ending].join('')
}

/** Possible defects of the lines before a file. */
const oddHead = fc.oneof(
  oddText.map((text) => `Content-Disposition: form-data; name="file"; filename="${text}"`),
  oddText.map((text) => `Content-Disposition: form-data; name="file"; filename="${text}.pdf"`),
  oddText.map((text) => `Content-Disposition: form-data; name="file"; filename=${text}`),
  oddText.map((text) => `Content-Disposition: form-data; name="file"; filename*=${text}`),
  oddText.map((text) => `Content-Disposition: form-data; name="${text}"; filename="a.pdf"`),
  oddText.map((text) => `Content-Disposition: form-data; ${text}; name="file"; filename="a.pdf"`),
  oddText,
  oddText.map((text) => `${text}: a`),
  oddText.map((text) => `Content-Type: ${text}`),
  fc.constantFrom(
    `Content-Disposition: form-data; name="file"; filename*=UTF-8''%ff%fe.pdf`,
    `Content-Disposition: form-data; name="file"; filename*=ISO-8859-1'en'%e9.pdf`,
    `Content-Disposition: form-data; name="file"; filename*=no-such-set''a.pdf`,
    `Content-Disposition: form-data; name="file"; filename*0="a"; filename*1=".pdf"`,
    `Content-Disposition: form-data; name="file"; filename="a.pdf"; filename="b.exe"`,
    `Content-Disposition: form-data; name="file"; filename="=?utf-8?B?YS5wZGY=?="`,
    `Content-Disposition: form-data; name="file"; filename="a.pdf`,
    `Content-Disposition: form-data; name="file"; filename=a.pdf; size=99`,
    `Content-Disposition: attachment; name="file"; filename="a.pdf"`,
    'Content-Disposition:',
    'Content-Disposition: form-data',
    'content-disposition : form-data; name="file"; filename="a.pdf"',
    'Content-Transfer-Encoding: base64',
    'Content-Transfer-Encoding: quoted-printable',
    'Content-Type: multipart/mixed; boundary=inner',
    'Content-Length: 3',
    `X-Long: ${'a'.repeat(90_000)}`,
    '\t folded',
    '',
    '\0',
    'no colon',
    ': no name',
    'a\rb: c',
    'a\nb: c',
  ),
)

const contentTypes = [
  'multipart/form-data',
  'multipart/form-data; boundary=',
  'multipart/form-data; boundary=""',
  'multipart/form-data; boundary=cut; boundary=other',
  'multipart/form-data; charset=utf-16; boundary=cut',
  'multipart/form-data;boundary=cut;',
  'Multipart/Form-Data; Boundary=cut',
  'multipart/mixed; boundary=cut',
  'multipart/form-data-x; boundary=cut',
  `multipart/form-data; boundary=${'b'.repeat(500)}`,
  'application/octet-stream',
]

/** One part is unusual, or the lines between the parts are. */
const oddlyBuilt: fc.Arbitrary<Form> = fc
  .record({
    form: plain,
    heads: mostly(
      4,
      fc.array(oddHead, { maxLength: 2 }),
      fc.array(fc.constantFrom('A: b', 'C: d'), { minLength: 45, maxLength: 60 }),
    ),
    replaces: fc.boolean(),
    extra: fc.array(fc.oneof(field, fc.constant('twice' as const), fc.constant('nested' as const)), { maxLength: 7 }),
    newline: mostly(8, fc.constant('\r\n'), fc.constantFrom('\n', '\r', '\r\n\r\n', '\n\r')),
    start: mostly(5, fc.constant(''), fc.constantFrom('\r\n', 'a preamble\r\n', '--', 'p'.repeat(70_000), '\0')),
    end: mostly(
      5,
      fc.constant(undefined),
      fc.constantFrom(
        '',
        '--',
        '\r\n',
        '--cut--',
        '--cut--\r\n--cut--',
        '--cut--epilogue',
        '--cut-',
        `--cut--${'e'.repeat(300_000)}`,
      ),
    ),
    contentType: mostly(6, fc.constant(undefined), fc.constantFrom(...contentTypes)),
  })
  .map(({ form, heads, replaces, extra, newline, start, end, contentType }) => {
    const cut = { ...form, boundary: 'cut' }
    const odd = filePart(cut.file, `a.${cut.file.ending}`, false)
    const more = extra.map((each) =>
      each === 'twice' ? filePart(cut.file, 'b.pdf', true) : each === 'nested' ? nested(cut) : each,
    )
    const parts = [...cut.before, { ...odd, head: replaces ? heads : [...odd.head, ...heads] }, ...more]
    const written = write(cut, parts, { newline, start, ...(end !== undefined && { end }) })
    const { bytes } = written
    // After an empty line all header lines belong to the file.
    const files = heads.includes('') ? [] : written.files
    return { contentType: contentType ?? written.contentType, bytes, files, mustBeKeptAs: undefined }
  })

function nested({ file: sent }: Plain): Part {
  const inner = write({ file: sent, name: '', isExtended: false, boundary: 'inner', before: [], after: [] }, [
    filePart(sent, 'c.pdf', false),
  ])
  return {
    head: ['Content-Disposition: form-data; name="file"', 'Content-Type: multipart/mixed; boundary=inner'],
    content: inner.bytes,
  }
}

/** A valid form with some bytes changed, removed or doubled, mostly those of its frame. */
const oddBytes: fc.Arbitrary<Form> = fc
  .record({
    form: soundForm,
    changes: fc.array(
      fc.record({
        how: fc.constantFrom('set', 'insert', 'cut', 'double', 'end'),
        at: fc.oneof(
          fc.nat(400),
          fc.nat(400).map((back) => -1 - back),
          fc.nat(),
        ),
        by: mostly(2, fc.constantFrom(0, 10, 13, 34, 45, 58, 59, 61, 92, 37), fc.nat(255)),
        length: fc.integer({ min: 1, max: 40 }),
      }),
      { minLength: 1, maxLength: 3 },
    ),
  })
  .map(({ form, changes }) => {
    const bytes = changes.reduce<Buffer>(changeBytes, form.bytes)
    return { contentType: form.contentType, bytes, files: [], mustBeKeptAs: undefined }
  })

type Change = { how: string; at: number; by: number; length: number }

export function changeBytes(bytes: Buffer, { how, at, by, length }: Change): Buffer {
  const place = Math.max(0, at < 0 ? bytes.length + at : at % (bytes.length + 1))
  const [before, after] = [bytes.subarray(0, place), bytes.subarray(place)]
  switch (how) {
    case 'set':
      return Buffer.concat([before, Buffer.from([by]), after.subarray(1)])
    case 'insert':
      return Buffer.concat([before, Buffer.from([by]), after])
    case 'cut':
      return Buffer.concat([before, after.subarray(length)])
    case 'double':
      return Buffer.concat([before, after.subarray(0, length), after])
    default:
      return before
  }
}

/** Forms with a file, from valid to hardly recognizable. */
export const nearValidForm: fc.Arbitrary<Form> = fc.oneof(
  { weight: 3, arbitrary: soundForm },
  { weight: 4, arbitrary: oddlyBuilt },
  { weight: 3, arbitrary: oddBytes },
)
