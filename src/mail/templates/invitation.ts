import type { FirmRole } from '../../vocabulary/vocabulary.ts'
import type { MailFacts } from './mail-kinds.ts'
import { formatDate, type Letter, quoteName } from './layout.ts'

const roleNames: Record<FirmRole, string> = {
  firm_admin: 'an administrator',
  firm_supervisor: 'a supervisor',
  firm_user: 'a user',
  field_staff: 'a member of the field staff',
}

export function invitation({ firmName, role, expiresAt }: MailFacts['invitation'], url: string | undefined): Letter {
  const firm = quoteName(firmName)
  const until = formatDate(expiresAt)
  const invites = `The firm ${firm} invites you to Paniq Documents as ${roleNames[role]}.`
  const subject = `Invitation to the documents of ${firm}`
  if (url === undefined)
    return {
      subject,
      paragraphs: [invites, `You can accept or decline the invitation in your account until ${until}.`],
      closing: ['If you do not know this firm, decline it.'],
    }
  return {
    subject,
    paragraphs: [
      invites,
      `Open this link to see the invitation. It works until ${until}, with an account that has this e-mail address.`,
    ],
    link: { label: 'See the invitation', url },
    closing: ['If you do not know this firm, ignore this mail.'],
  }
}
