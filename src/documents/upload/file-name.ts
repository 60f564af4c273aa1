import { AppError } from '../../errors/app-error.ts'

/** `firm_documents.file_name` holds this many characters. */
const maxCharacters = 255

/** The name to save: as it was given, shortened before its extension. Throws `validation_failed` for one that no person means. */
export function requireFileName(given: string | undefined): string {
  const name = given ?? ''
  if (name.trim() === '') throw nameError('Send the file with a name, for example licence.pdf.')
  if (/%00/.test(name))
    throw nameError(
      'The file name has %00 in it, which some programs take for its end. Rename the file and send it again.',
    )
  if (/\p{Cc}/u.test(name) || !name.isWellFormed())
    throw nameError('The file name has control characters in it. Rename the file and send it again.')
  if (/[/\\]/.test(name)) throw nameError('The file name has a slash in it. Rename the file and send it again.')
  return shorten(name)
}

function shorten(name: string): string {
  const characters = Array.from(name)
  if (characters.length <= maxCharacters) return name
  const extension = Array.from(/\.[^.]{1,10}$/u.exec(name)?.[0] ?? '')
  return [...characters.slice(0, maxCharacters - extension.length), ...extension].join('')
}

function nameError(message: string): AppError {
  return new AppError('validation_failed', message, { fields: [{ field: 'file', message }] })
}
