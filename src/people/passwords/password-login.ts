import type { Config } from '../../config/load-config.ts'
import type { Account } from '../../database/people/accounts.ts'
import { AppError } from '../../errors/app-error.ts'
import { lowerEmail } from '../../vocabulary/emails.ts'

/** The administrator of an embedded installation without `ADMIN_EMAIL`. */
export const firstAdministratorEmail = 'admin@paniq.local'

/** `PASSWORD_LOGIN`. `exempt`: e-mails in lower case of the administrators who keep their login when it is off. */
export type PasswordLogin = { isOn: boolean; exempt: readonly string[] }

export function passwordLoginOf({
  passwordLogin,
  admin,
  database,
}: Pick<Config, 'passwordLogin' | 'admin' | 'database'>): PasswordLogin {
  const emails = [admin?.email, database.kind === 'embedded' ? firstAdministratorEmail : undefined]
  return { isOn: passwordLogin, exempt: emails.flatMap((email) => (email === undefined ? [] : lowerEmail(email))) }
}

/** Whether a person may sign in with a password or passkey of this service. Anybody may have registered an exempt e-mail. */
export function maySignInHere(
  { isOn, exempt }: PasswordLogin,
  { email, role }: Pick<Account, 'email' | 'role'>,
): boolean {
  return isOn || (role === 'admin' && exempt.includes(lowerEmail(email)))
}

export function assertMaySignInHere(policy: PasswordLogin, account: Pick<Account, 'email' | 'role'>): void {
  if (!maySignInHere(policy, account)) throw passwordLoginIsOff()
}

export function passwordLoginIsOff(): AppError {
  return new AppError(
    'forbidden',
    'Logging in with a password or passkey of this service is off. Sign in with your organization’s provider, or on the platform.',
  )
}
