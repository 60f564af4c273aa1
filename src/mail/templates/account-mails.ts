import { type Letter, type MailContent, writeLetter } from './layout.ts'

/** To a new account. It has no name in it: anybody can register the address of somebody else under any name. */
export function emailVerification(_facts: object, url: string | undefined): Letter {
  const subject = 'Verify your e-mail address'
  if (url === undefined)
    return {
      subject,
      paragraphs: ['A mail to your address has a link to verify it. Then you can upload documents.'],
      closing: ['The link works for 24 hours. Ask for another mail if you cannot find it.'],
    }
  return {
    subject,
    paragraphs: [
      'An account at Paniq Documents was created with this e-mail address.',
      'If it is yours, open this link to verify the address. Then you can upload documents. The link works for 24 hours.',
    ],
    link: { label: 'Verify this address', url },
    closing: ['If you did not create an account, do not open the link: somebody else knows the password of this one.'],
  }
}

export function passwordReset(_facts: object, url: string | undefined): Letter {
  const subject = 'Reset your password'
  const asked = 'Somebody asked for a new password for your account at Paniq Documents.'
  if (url === undefined)
    return {
      subject,
      paragraphs: [asked, 'The link to choose one was mailed to your address.'],
      closing: ['If it was not you, ignore the mail: your password stays as it is.'],
    }
  return {
    subject,
    paragraphs: [
      asked,
      'If it was you, open this link to choose one. The link works once, for one hour. All your sessions end then.',
    ],
    link: { label: 'Choose a new password', url },
    closing: ['If it was not you, ignore this mail: your password stays as it is.'],
  }
}

/** What `paniq-docs mail test` sends. */
export function testMail(publicUrl: string): MailContent {
  return writeLetter({
    subject: 'Test mail of Paniq Documents',
    paragraphs: [
      `Paniq Documents at ${publicUrl} can send mail. An operator sent this one with the command \`paniq-docs mail test\`.`,
    ],
    closing: ['You need not do anything.'],
  })
}
