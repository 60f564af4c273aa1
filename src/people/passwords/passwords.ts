import { hash, verify } from '@node-rs/bcrypt'

import { findPasswordFault, isWithinBcrypt } from '../../config/setting-formats.ts'
import { AppError } from '../../errors/app-error.ts'
import { createFairQueue, type Requester } from './fair-queue.ts'
import { findGuessable } from './guessable/find-guessable.ts'

/**
 * `cost`: the same as the platform's, whose hashes are never rewritten. bcrypt is slow on purpose: more than `atOnce` at a
 * time would starve other requests. A fifth of a minute's work may wait, and a fifth of that from one network.
 */
const defaults = {
  cost: 12,
  atOnce: 2,
  waiting: 100,
  waitingOfNetwork: 20,
  waitingOfBlock: 40,
  waitingOfKnown: 2,
  onDenied: () => {},
}

export type PasswordLimits = Partial<typeof defaults>

/** Salt and hash for people without a password, so that a denial takes the same time. The password is unknown. */
const dummyHash = 'TGSKJoxgw45DExNyKIfJ8OfD5Ev6l5qReRfRGwDQh8Ymp91EwzceW'

/** `about`: e-mail and names of the person, which are easy to guess. `field`: the password's name in the request. */
type NewPassword = { about: string[]; field?: string }

/** Each call waits in the queue of the requester's network, and throws `rate_limited` if too many wait there. */
export type Passwords = {
  /** Throws `validation_failed` for a password that is too short, too long or easy to guess. */
  hash(password: string, requester: Requester, context: NewPassword): Promise<string>
  /** False for a wrong password and, after the same time, for a value that is not a bcrypt hash. */
  matches(password: string, stored: string | null, requester: Requester): Promise<boolean>
}

/** Creates and compares bcrypt hashes, a few at a time. */
export function createPasswords(limits: PasswordLimits = {}): Passwords {
  const { cost, ...queueLimits } = { ...defaults, ...limits }
  const dummyHashOfCost = `$2b$${String(cost).padStart(2, '0')}$${dummyHash}`
  const queue = createFairQueue(queueLimits)

  return {
    async hash(password, requester, { about, field = 'password' }) {
      assertWithoutFault(findPasswordFault(password), field)
      const hashed = await queue.run(requester, async () => {
        assertWithoutFault(await findGuessable(password, about), field)
        return hash(password, cost)
      })
      // `$2y$` and `$2b$` name the same algorithm; the second is what the platform writes.
      return hashed.replace(/^\$2y\$/, '$2b$')
    },
    async matches(password, stored, requester) {
      const isUsable = stored !== null && isBcryptHash(stored) && isWithinBcrypt(password)
      const isSame = await queue.run(requester, () => verify(password, isUsable ? stored : dummyHashOfCost))
      return isSame && isUsable
    },
  }
}

function assertWithoutFault(fault: string | undefined, field: string): void {
  if (fault !== undefined)
    throw new AppError('validation_failed', `The password ${fault}.`, {
      fields: [{ field, message: fault }],
    })
}

function isBcryptHash(stored: string): boolean {
  return /^\$2[aby]\$\d\d\$[./A-Za-z0-9]{53}$/.test(stored)
}
