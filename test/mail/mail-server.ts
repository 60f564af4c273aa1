import type { AddressInfo, Socket } from 'node:net'

import { SMTPServer } from 'smtp-server'

export type ReceivedMail = { to: string[]; raw: string; messageId: string | undefined }

type Fault = (address: string) => Error | undefined

export type MailServerForTests = {
  url: string
  received: ReceivedMail[]
  faults: {
    onSender?: Fault | undefined
    onRecipient?: Fault | undefined
    /** Called after a mail arrived whole, before the answer to the client. */
    afterData?: (() => Error | undefined) | undefined
    /** Ends the connection of the client instead of an answer to this recipient. */
    endsAt?: ((address: string) => boolean) | undefined
  }
  close(): Promise<void>
}

/**
 * A real SMTP server on this machine, without TLS and login. `hasTls`: it offers STARTTLS with a certificate that nobody
 * knows. `password`: it accepts mail only after a login with it.
 */
export async function openMailServer(
  port = 0,
  { hasTls = false, password }: { hasTls?: boolean; password?: string } = {},
): Promise<MailServerForTests> {
  const received: ReceivedMail[] = []
  const faults: MailServerForTests['faults'] = {}
  const server = new SMTPServer({
    authOptional: password === undefined,
    allowInsecureAuth: true,
    disabledCommands: [...(hasTls ? [] : ['STARTTLS']), ...(password === undefined ? ['AUTH'] : [])],
    onAuth: (given, _session, done) =>
      given.password === password ? done(null, { user: given.username }) : done(new Error(`not ${given.password}`)),
    onMailFrom: ({ address }, _session, done) => done(faults.onSender?.(address)),
    onRcptTo({ address }, _session, done) {
      if (faults.endsAt?.(address) !== true) return done(faults.onRecipient?.(address))
      for (const socket of sockets) socket.destroy()
    },
    onData(stream, session, done) {
      const chunks: Buffer[] = []
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('end', () => {
        const raw = Buffer.concat(chunks).toString()
        const messageId = /^Message-ID: (<[^>]+>)/im.exec(raw)?.[1]
        received.push({ to: session.envelope.rcptTo.map(({ address }) => address), raw, messageId })
        done(faults.afterData?.())
      })
    },
  })
  const sockets = new Set<Socket>()
  server.server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  server.on('error', () => undefined)
  await new Promise<void>((resolve) => {
    server.listen(port, '127.0.0.1', resolve)
  })
  // the address of a TCP listener
  const address = server.server.address() as AddressInfo
  return {
    url: `smtp://127.0.0.1:${address.port}`,
    received,
    faults,
    close: async () =>
      new Promise((resolve) => {
        server.close(resolve)
      }),
  }
}

/** A fault: this answer of the server. */
export const rejection = (message: string, responseCode: number) => () =>
  Object.assign(new Error(message), { responseCode })

/** The text part of a mail, decoded. Throws if no mail arrived. */
export function textOf(mail: ReceivedMail | undefined): string {
  return decode(partOf(mail, 'text/plain'))
}

/** The HTML part of a mail, decoded. Throws if no mail arrived. */
export function htmlOf(mail: ReceivedMail | undefined): string {
  return decode(partOf(mail, 'text/html'))
}

function partOf(mail: ReceivedMail | undefined, type: string): string {
  if (mail === undefined) throw new Error('no mail arrived')
  const { raw } = mail
  const boundary = /boundary="([^"]+)"/.exec(raw)?.[1] ?? ''
  return raw.split(`--${boundary}`).find((part) => part.includes(`Content-Type: ${type}`)) ?? ''
}

function decode(part: string): string {
  const [head = '', ...rest] = part.split('\r\n\r\n')
  const body = rest.join('\r\n\r\n')
  if (!/quoted-printable/i.test(head)) return body
  const bytes = body
    .replaceAll(/=\r\n/g, '')
    .replaceAll(/=([0-9A-F]{2})/g, (_all, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  return Buffer.from(bytes, 'latin1').toString()
}

/** The secret in the link of a mail. */
export function secretOf(mail: ReceivedMail | undefined): string {
  return /#token=([\w-]+)/.exec(textOf(mail))?.[1] ?? ''
}
