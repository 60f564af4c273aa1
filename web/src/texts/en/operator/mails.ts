const kinds: Record<string, string> = {
  email_verification: 'Link to verify an e-mail address',
  password_reset: 'Link for a new password',
  invitation: 'Invitation to a firm',
  security_notice: 'Notice of a change of an account',
  document_verified: 'Document accepted',
  document_rejected: 'Document rejected',
  application_submitted: 'Application submitted',
  application_approved: 'Application approved',
  application_rejected: 'Application not approved',
  renewal_reminder: 'Reminder that a document expires',
  document_expired: 'Document expired',
  webhook_disabled: 'Webhook disabled',
  daily_digest: 'Messages of a day',
}

/** Mails that were not delivered. */
export const operatorMails = {
  title: 'Mails',
  help: 'Mails that wait, and mails that were given up because the mail server rejected them or failed for three days. Delivered mails are not listed. Mails that were given up are deleted after 30 days.',
  isOff: 'No mail is sent: SMTP_URL is not set.',
  none: 'No mail waits, and none was given up.',
  again: 'Read the list again',
  states: { waiting: '… Waits', given_up: '✕ Given up' },
  kinds,
  queued: (time: string) => `Queued ${time}`,
  attempts: (count: number) => (count === 1 ? '1 attempt' : `${count} attempts`),
  tried: (time: string) => `last attempt ${time}`,
  next: (time: string) => `next attempt ${time}`,
  send: 'Send again',
  sendTo: (recipient: string) => `Send again to ${recipient}`,
  sentNotice: 'The mail is sent within seconds. Read the list again to see the result.',
}
