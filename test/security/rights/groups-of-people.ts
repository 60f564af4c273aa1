import type { ErrorCode } from '../../../src/errors/app-error.ts'

export type ExpectedAnswer = 'ok' | ErrorCode

export const unknown = {
  nobody: 'unauthenticated',
  'somebody whose token has expired': 'unauthenticated',
  'somebody who sends a refresh token': 'unauthenticated',
  'somebody whose account is gone': 'unauthenticated',
  'a firm_admin whose session was ended': 'unauthenticated',
  'a revoked key': 'unauthenticated',
  'an expired key': 'unauthenticated',
  'a firm_admin whose password the platform changed': 'unauthenticated',
} as const

export const shutOut = {
  'a key of another firm': 'forbidden',
  'a key of a former firm_admin': 'forbidden',
  'a key of a locked firm_admin': 'forbidden',
  'a firm_admin who must set up a second factor': 'second_factor_required',
  'a firm_admin who must change a generated password': 'password_change_required',
  'a locked firm_admin': 'forbidden',
  'a suspended firm_admin': 'forbidden',
  'a locked administrator': 'forbidden',
  'a locked reviewer': 'forbidden',
  'a locked administrator of the personnel': 'forbidden',
  'an administrator of the personnel who left': 'forbidden',
  'an administrator whose personnel row is locked': 'forbidden',
  'a locked firm_admin whose personnel row is an administrator’s': 'forbidden',
} as const

/** The same answer for all people outside of the firm who are not administrators. */
export const outsidersHear = <Answer extends ExpectedAnswer>(answer: Answer) => ({
  'a stranger': answer,
  'a stranger whose token claims everything': answer,
  'a pending member': answer,
  'a suspended member': answer,
  'a firm_admin of another firm': answer,
  'a firm_supervisor of the personnel': answer,
  'a reviewer whom the firm suspended': answer,
})

/** The same answer for all who act as reviewers of the platform. */
export const reviewersHear = <Answer extends ExpectedAnswer>(answer: Answer) => ({
  'a reviewer': answer,
  'a reviewer in a locked firm': answer,
  'a reviewer whom the firm invited': answer,
})
