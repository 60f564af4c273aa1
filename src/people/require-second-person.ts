import type { Lifting } from '../database/purge/legal-holds.ts'
import { AppError } from '../errors/app-error.ts'

/** Whether a legal hold was lifted; false if there was none. Throws `second_person_required` to the person who set it. */
export function requireLifted(lifting: Lifting, target: { firmId: string; documentId: string | null }): boolean {
  if (lifting !== 'own') return lifting === 'lifted'
  const { firmId, documentId } = target
  const option = documentId === null ? `--firm ${firmId}` : `--document ${documentId}`
  throw new AppError(
    'second_person_required',
    `You set this hold yourself. Another administrator has to lift it, or the operator with: paniq-docs hold lift ${option}`,
  )
}
