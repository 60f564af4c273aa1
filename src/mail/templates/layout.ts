import type { DocumentId, FirmId } from '../../vocabulary/vocabulary.ts'

/** A mail as its recipient reads it. */
export type MailContent = { subject: string; text: string; html: string }

/** What a template says, as a mail or as a message. */
export type Letter = {
  subject: string
  paragraphs: string[]
  /** The button, and the address that it opens. */
  link?: { label: string; url: string } | undefined
  /** Below the link. */
  closing: string[]
}

/** The same words as text and as HTML. The HTML loads nothing and runs nothing. */
export function writeLetter({ subject, paragraphs, link, closing }: Letter): MailContent {
  const linkText = link === undefined ? [] : [`${link.label}: ${link.url}`]
  const text = ['Hello', ...paragraphs, ...linkText, ...closing, signature].join('\n\n')
  const html = [
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>',
    escapeHtml(subject),
    '</title></head><body style="margin:0;padding:24px;font-family:sans-serif;font-size:16px;line-height:1.5;color:#111111">',
    ...['Hello', ...paragraphs].map(paragraph),
    link === undefined ? '' : button(link),
    ...closing.map(paragraph),
    `<p style="font-size:13px;color:#555555">${escapeHtml(signature)}</p></body></html>`,
  ].join('')
  return { subject, text: `${text}\n`, html }
}

/** The same words as a message, which needs no greeting. */
export function writeMessage({ subject, paragraphs, link, closing }: Letter): { subject: string; text: string } {
  const linkText = link === undefined ? [] : [`${link.label}: ${link.url}`]
  return { subject, text: [...paragraphs, ...linkText, ...closing].join('\n\n') }
}

const signature = 'Paniq Documents sends this mail automatically. Nobody reads answers to it.'

function button({ label, url }: NonNullable<Letter['link']>): string {
  const address = escapeHtml(url)
  return `<p><a href="${address}" style="display:inline-block;padding:10px 18px;border-radius:6px;background:#14532d;color:#ffffff;text-decoration:none">${escapeHtml(label)}</a></p><p style="font-size:13px;color:#555555">${address}</p>`
}

function paragraph(text: string): string {
  return `<p>${escapeHtml(text)}</p>`
}

const escapes: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => escapes[character] ?? character)
}

const maxNameLength = 80

const maxCommentLength = 2000

/** What somebody wrote about a document, in one paragraph, without control characters. */
export function quoteComment(comment: string): string {
  const plain = comment.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\s]+/gu, ' ').trim()
  const short = Array.from(plain).slice(0, maxCommentLength).join('')
  return `“${short}${short === plain ? '' : '…'}”`
}

/** A day, as in 2027-03-31, as people write it. */
export function formatDay(day: string): string {
  return formatDate(`${day}T12:00:00Z`)
}

/** The day of a moment in South Africa. */
export function formatDate(moment: string): string {
  return new Intl.DateTimeFormat('en-ZA', { dateStyle: 'long', timeZone: 'Africa/Johannesburg' }).format(
    new Date(moment),
  )
}

/**
 * A name that somebody chose, for the mail to somebody else. Mail programs turn addresses in plain text into links, so a
 * name must not read as one.
 */
export function quoteName(name: string): string {
  const plain = name
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ')
    .replace(/[.:/\\@]+(?=\S)/g, ' ')
    .replace(/\s+/g, ' ')
    .trim()
  const short = Array.from(plain).slice(0, maxNameLength).join('')
  return `“${short}${short === plain ? '' : '…'}”`
}

/**
 * The pages below `PUBLIC_URL` that mails open without a secret; docs/mail.md lists them. Without `PUBLIC_URL` a message has
 * no link.
 */
export function linkToDocument(
  { firmId, documentId }: { firmId: FirmId; documentId: DocumentId },
  publicUrl: string | undefined,
): Letter['link'] {
  return linkTo('See the document', publicUrl, `firms/${firmId}/documents/${documentId}`)
}

export function linkToFirm(firmId: FirmId, publicUrl: string | undefined): Letter['link'] {
  return linkTo('See the documents of the firm', publicUrl, `firms/${firmId}/checklist`)
}

function linkTo(label: string, publicUrl: string | undefined, path: string): Letter['link'] {
  return publicUrl === undefined ? undefined : { label, url: `${publicUrl}/${path}` }
}
