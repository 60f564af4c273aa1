import { contentDispositionOf } from './content-disposition-of.ts'
import type { LinkOptions } from './file-store.ts'

/** What a link makes S3 say of the bytes, whatever their object says of itself. */
export function forcedHeaders(link: LinkOptions): Record<string, string> {
  return {
    'response-content-disposition': contentDispositionOf(link.fileName, link.disposition),
    'response-content-type': link.contentType,
  }
}

/** The platform's keys may hold any letter. */
export function encodePath(key: string): string {
  return key.split('/').map(encode).join('/')
}

export function encodeQuery(pairs: [name: string, value: string][]): string {
  return pairs.map(([name, value]) => `${encode(name)}=${encode(value)}`).join('&')
}

/**
 * As RFC 3986 has it: these five are not left alone in what S3 signs, and an apostrophe is one that browsers write anew,
 * after which no signature over the address would fit.
 */
function encode(text: string): string {
  return encodeURIComponent(text).replaceAll(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`)
}

/** A signature's date has no fractions, so neither has the time from which the link's life counts. */
export function wholeSecond(date: Date): Date {
  return new Date(Math.floor(date.getTime() / 1000) * 1000)
}
