import { type Letter, quoteName } from './layout.ts'
import type { MailFacts } from './mail-kinds.ts'

/** What changed in an account, as its person reads it. */
const sentences = {
  password_changed: 'The password of your account was changed. Your other sessions have ended.',
  password_reset: 'The password of your account was reset with a link from a mail. All your sessions have ended.',
  password_set: 'An operator set a new password for your account. All your sessions have ended.',
  totp_added: 'An authenticator app was set up for your account.',
  totp_removed: 'The authenticator app of your account was removed.',
  passkey_added: 'A passkey was added to your account.',
  passkey_removed: 'A passkey was removed from your account.',
  second_factors_reset:
    'An administrator removed all second factors of your account: authenticator app, passkeys and recovery codes.',
  recovery_codes_replaced: 'The recovery codes of your account were replaced. The earlier ones no longer work.',
  recovery_code_used: 'One of your recovery codes was used to log in.',
  api_key_made: 'An API key was made that acts in your name.',
  login_linked: 'A login of your organization’s provider was linked to your account.',
  reviewer_role_given: 'You were made a reviewer of the platform: you can read and review documents of every firm.',
} as const

export type SecurityChange = keyof typeof sentences

/** To the person of an account. It has no secret and no link that works alone. */
export function securityNotice(
  { change, at, name, revokedKeys = 0, noReset }: MailFacts['security_notice'],
  url: string | undefined,
): Letter {
  const named = name === undefined ? [] : [`Its name is ${quoteName(name)}.`]
  const keys =
    revokedKeys === 0 ? [] : [`API keys that you made were revoked: ${revokedKeys}. Make new ones if you need them.`]
  return {
    subject: 'A security change in your account',
    paragraphs: [`${sentences[change]} Time: ${formatTime(at)}.`, ...named, ...keys],
    link: url === undefined ? undefined : { label: 'Open Paniq Documents', url },
    closing: [
      'If it was you, you need not do anything.',
      `If it was not you, ${noReset === true ? 'change' : 'reset'} your password at once, and remove passkeys and API keys that you do not know.${noReset === true ? ' If you cannot log in any more, ask the operator of this service for a new password.' : ''} If somebody added a second factor and you cannot log in any more, ask an administrator of the platform to remove it.`,
    ],
  }
}

function formatTime(moment: string): string {
  const format = { dateStyle: 'long', timeStyle: 'short', timeZone: 'Africa/Johannesburg' } as const
  return `${new Intl.DateTimeFormat('en-ZA', format).format(new Date(moment))} (South Africa)`
}
