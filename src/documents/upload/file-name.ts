import { AppError } from '../../errors/app-error.ts'
import { readableName } from '../../vocabulary/readable-name.ts'

/** Where the client gives the name: with the file, or in a field of its own. */
export type NameField = 'file' | 'file_name'

/** The length of `firm_documents.file_name`. */
const maxFileNameCharacters = 255

/**
 * The given name without invisible characters, shortened before its extension. Throws `validation_failed` for a name that no
 * person would choose.
 */
export function requireFileName(given = '', field: NameField = 'file'): string {
  const name = readableName(given)
  const message = faultOfName(name)
  if (message !== undefined) throw new AppError('validation_failed', message, { fields: [{ field, message }] })
  const characters = Array.from(name)
  if (characters.length <= maxFileNameCharacters) return name
  const extension = Array.from(/\.[^.]{1,10}$/u.exec(name)?.[0] ?? '')
  return [...characters.slice(0, maxFileNameCharacters - extension.length), ...extension].join('')
}

function faultOfName(name: string): string | undefined {
  if (name.trim() === '') return 'Send the file with a name, for example licence.pdf.'
  if (/%00/.test(name))
    return 'The file name contains %00, which some programs read as its end. Rename the file and try again.'
  if (/\p{Cc}/u.test(name) || !name.isWellFormed())
    return 'The file name contains control characters. Rename the file and try again.'
  if (/[/\\]/.test(name)) return 'The file name contains a slash. Rename the file and try again.'
  return undefined
}
