import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'

export type NumberedClamd = { url: string; number: (signatures: number) => void; close: () => Promise<void> }

/**
 * Stands before a real clamd and adds the number of its signatures to what it says of itself, as it does with signatures
 * from the mirror: those alone are numbered, and nobody else can sign them.
 */
export async function numberSignatures(clamd: { port: number }): Promise<NumberedClamd> {
  let signatures = 1
  const server = createServer((client) => {
    client.on('error', () => undefined)
    client.once('data', (first: Buffer) => {
      const behind = connect(clamd.port, '127.0.0.1')
      behind.on('error', () => client.destroy())
      client.on('close', () => behind.destroy())
      behind.write(first)
      client.pipe(behind)
      if (first.toString() !== 'zVERSION\0') behind.pipe(client)
      else
        behind.on('data', (said: Buffer) => {
          client.end(`${said.toString().replace('\0', '')}/${signatures}/Sat Sep  5 08:12:00 2026\0`)
        })
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`, // a listener on TCP has this kind of address
    number(each) {
      signatures = each
    },
    async close() {
      const closed = once(server, 'close')
      server.close()
      await closed
    },
  }
}
