import type { Command } from 'commander'

import { issuerText, subjectText } from '../contract-identities.ts'
import { loginBody } from '../contract-people.ts'
import { answering, type Answers, parseAs, teach } from './describe-command.ts'

export type NamedSubject = { subject: string; issuer?: string }

export type IdentityActions = {
  linkIdentity: (options: NamedSubject & { email: string } & Answers) => Promise<void>
  unlinkIdentity: (options: NamedSubject & Answers) => Promise<void>
}

/** The commands of `users` that tell which login of an OpenID provider is whose. */
export function addIdentities(users: Command, actions: IdentityActions): void {
  const link = answering(users.command('link'))
    .description('Link a login of an OpenID provider to a person, whose it is from the next request on.')
    .requiredOption('--email <address>', 'whose it is', parseAs(loginBody.shape.email))
    .requiredOption('--subject <text>', 'what the provider calls them: sub in its tokens', parseAs(subjectText))
    .option('--issuer <url>', 'the provider, if it is not that of JWT_ISSUER', parseAs(issuerText))
    .action(actions.linkIdentity)
  teach(link, './bin/paniq-docs users link --email thandi@example.com --subject 248289761001')

  const unlink = answering(users.command('unlink'))
    .description(
      'Take a login of an OpenID provider from its person: nobody comes in with it from the next request on.',
    )
    .requiredOption('--subject <text>', 'what the provider calls them: sub in its tokens', parseAs(subjectText))
    .option('--issuer <url>', 'the provider, if it is not that of JWT_ISSUER', parseAs(issuerText))
    .action(actions.unlinkIdentity)
  teach(unlink, './bin/paniq-docs users unlink --subject 248289761001')
}
