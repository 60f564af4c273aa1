import { AppError } from '../errors/app-error.ts'

/** For a call about a row of `registered_users`. */
export function noSuchUser(): AppError {
  return new AppError('not_found', 'There is no such person among the registered users.')
}

/** For a call that also works for personnel of the platform, and for people of whom only traces are left. */
export function noSuchPerson(): AppError {
  return new AppError('not_found', 'There is no such person, and nothing of them is left here.')
}
