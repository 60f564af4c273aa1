/**
 * An e-mail in the form that is stored and compared: with ASCII letters in lower case, and nothing else changed.
 * `toLowerCase` turns some letters of other alphabets into ASCII letters, so that two mailboxes would count as one. In the
 * database, `foldEmail` does this.
 */
export function lowerEmail(email: string): string {
  return email.replaceAll(/[A-Z]+/g, (letters) => letters.toLowerCase())
}

/**
 * Whether a text is the address of one mailbox and nothing else: no name, comment, list or quoted part. For stored e-mails,
 * which may be the platform's.
 */
export function isOneMailbox(text: string): boolean {
  return /^[^\s\p{C}<>()[\]\\,;:"@]+@[^\s\p{C}<>()[\]\\,;:"@]+$/u.test(text)
}
