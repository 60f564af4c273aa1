import { AppError, type ErrorCode } from '../../errors/app-error.ts'

/** Why a sign-in with the provider failed. The page gets the name, with which it chooses its sentence. */
const troubles = {
  attempt_expired: ['unauthenticated', 'This sign-in is too old, or began in another browser. Start it again.'],
  cancelled: ['unauthenticated', 'The sign-in was cancelled at the provider.'],
  failed: ['unauthenticated', 'The provider’s answer was not accepted. Start the sign-in again.'],
  not_linked: [
    'unauthenticated',
    'Your login is not linked to a person yet. Ask an administrator of the platform to link it.',
  ],
  account_unverified: ['forbidden', 'This account is not verified yet. Verify it with the platform, then sign in.'],
  provider_unavailable: ['store_unavailable', 'The login provider cannot be reached. Try again shortly.'],
} as const satisfies Record<string, [ErrorCode, string]>

export type LoginTrouble = keyof typeof troubles

export class ProviderLoginError extends AppError {
  readonly trouble: LoginTrouble

  constructor(trouble: LoginTrouble) {
    const [code, sentence] = troubles[trouble]
    super(code, sentence, { details: { trouble } })
    this.trouble = trouble
  }
}
