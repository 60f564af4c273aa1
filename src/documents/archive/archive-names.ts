import { formatOf } from '../formats/allowed-formats.ts'
import { readableName } from '../../vocabulary/readable-name.ts'

/** The largest part of a path that common file systems accept, in bytes of UTF-8. */
const maxPartBytes = 255

/** Gives each file of an archive a path that no other file has, on file systems that ignore case too. */
export type ArchiveNames = {
  /** `note`: what distinguishes the file from others of its name, such as `version 2`. */
  pathOf(file: { documentType: string; fileName: string; mimeType: string; note?: string }): string
}

/** Files of one document type must follow each other: only the names of the folder in progress are remembered. */
export function createArchiveNames(): ArchiveNames {
  const folders = new Map<string, string>()
  const folderNames = createUniqueNames()
  // At the top of the archive beside the folders.
  folderNames.name({ base: 'manifest', ending: '.csv' })
  let current = { folder: '', names: createUniqueNames() }

  return {
    pathOf({ documentType, fileName, mimeType, note }) {
      const folder = folders.get(documentType) ?? folderNames.name({ base: folderName(documentType), ending: '' })
      folders.set(documentType, folder)
      if (folder !== current.folder) current = { folder, names: createUniqueNames() }
      const { base, ending } = split(cleanName(fileName), mimeType)
      return `${folder}/${current.names.name({ base: note === undefined ? base : `${base} (${note})`, ending })}`
    },
  }
}

type Name = { base: string; ending: string }

function createUniqueNames() {
  const taken = new Set<string>()
  const next = new Map<string, number>()
  return {
    name({ base, ending }: Name): string {
      const wanted = comparable(base + ending)
      for (let number = next.get(wanted) ?? 1; ; number += 1) {
        const name = fit(base, `${number === 1 ? '' : ` (${number})`}${ending}`)
        if (taken.has(comparable(name))) continue
        taken.add(comparable(name))
        // A thousand files of one name must not try a thousand names each.
        next.set(wanted, number + 1)
        return name
      }
    },
  }
}

/** Equal for names that some file system takes for the same: in other case, or composed in another way. */
function comparable(name: string): string {
  return name.normalize('NFKC').toUpperCase().toLowerCase().normalize('NFKC')
}

/** No path, no control or invisible characters, none that Windows forbids, no name that Windows reserves, never empty. */
function cleanName(name: string): string {
  const allowed = name.toWellFormed().normalize('NFC').replaceAll(forbidden, '_')
  // Windows drops dots and blanks at the end; a dot at the beginning hides a file elsewhere.
  const clean = readableName(allowed)
    .trim()
    .replace(/^\.+/, '_')
    .replace(/[.\s]+$/, '_')
  if (clean === '') return '_'
  return reserved.test(clean) ? `_${clean}` : clean
}

const forbidden = /[\p{Cc}\u2028\u2029/\\:*?"<>|]/gu

/** Windows takes them for devices, with any extension. */
const reserved = /^(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9¹²³])(?:\s*\.|\s*$)/i

/** A path begins with its folder. In the manifest it must not look like a formula, which would need an apostrophe. */
function folderName(documentType: string): string {
  return cleanName(documentType).replace(/^[=+@\-＝＋－＠]/, '_')
}

/** The extension is that of the detected format. An unknown one, as the platform's rows may have, opens no program. */
function split(name: string, mimeType: string): Name {
  const extensions = formatOf(mimeType)?.extensions ?? ['bin']
  const given = /\.([^.]{1,10})$/.exec(name)?.[1]
  const isRight = given !== undefined && extensions.some((each) => each === given.toLowerCase())
  const base = isRight ? name.slice(0, -given.length - 1) : name
  return { base: base === '' ? '_' : base, ending: `.${extensions[0]}` }
}

const characters = new Intl.Segmenter()

/** Cuts the base, between its characters, so that the whole fits into one part of a path. */
function fit(base: string, ending: string): string {
  const room = maxPartBytes - Buffer.byteLength(ending)
  if (Buffer.byteLength(base) <= room) return base + ending
  let cut = ''
  let bytes = 0
  for (const { segment } of characters.segment(base)) {
    bytes += Buffer.byteLength(segment)
    if (bytes > room) break
    cut += segment
  }
  return (cut.trimEnd() || '_') + ending
}
