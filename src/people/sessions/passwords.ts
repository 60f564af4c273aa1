import { hash, verify } from '@node-rs/bcrypt'
import pLimit from 'p-limit'

import { findPasswordFault, isWithinBcrypt } from '../../config/setting-formats.ts'
import { AppError } from '../../errors/app-error.ts'

/**
 * `cost`: the same as the platform's, whose hashes are never rewritten. bcrypt is slow on purpose: more than `atOnce` at a
 * time would starve other requests.
 */
const defaults = { cost: 12, atOnce: 2, waiting: 100 }

export type PasswordLimits = Partial<typeof defaults>

/** Salt and hash for people without a password, so that a denial takes the same time. The password is unknown. */
const dummyHash = 'TGSKJoxgw45DExNyKIfJ8OfD5Ev6l5qReRfRGwDQh8Ymp91EwzceW'

export type Passwords = {
  /** Throws `validation_failed` for a password that is too short or too long. */
  hash(password: string): Promise<string>
  /** False for a wrong password and, after the same time, for a value that is not a bcrypt hash. */
  matches(password: string, stored: string | null): Promise<boolean>
}

/** Creates and compares bcrypt hashes, a few at a time. Throws `rate_limited` if too many wait. */
export function createPasswords(limits: PasswordLimits = {}): Passwords {
  const { cost, atOnce, waiting } = { ...defaults, ...limits }
  const dummyHashOfCost = `$2b$${String(cost).padStart(2, '0')}$${dummyHash}`
  const limit = pLimit(atOnce)
  const enqueue = async <Result>(work: () => Promise<Result>): Promise<Result> => {
    if (limit.pendingCount >= waiting)
      throw new AppError('rate_limited', 'Too many people are logging in at once. Try again in a few seconds.', {
        retryAfterSeconds: 5,
      })
    return await limit(work)
  }

  return {
    async hash(password) {
      assertAcceptable(password)
      // `$2y$` and `$2b$` name the same algorithm; the second is what the platform writes.
      return (await enqueue(() => hash(password, cost))).replace(/^\$2y\$/, '$2b$')
    },
    async matches(password, stored) {
      const isUsable = stored !== null && isBcryptHash(stored) && isWithinBcrypt(password)
      const isSame = await enqueue(() => verify(password, isUsable ? stored : dummyHashOfCost))
      return isSame && isUsable
    },
  }
}

function assertAcceptable(password: string): void {
  const fault = findPasswordFault(password)
  if (fault !== undefined)
    throw new AppError('validation_failed', `The password ${fault}.`, {
      fields: [{ field: 'password', message: fault }],
    })
}

function isBcryptHash(stored: string): boolean {
  return /^\$2[aby]\$\d\d\$[./A-Za-z0-9]{53}$/.test(stored)
}
