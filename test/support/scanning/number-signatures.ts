import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'

export type NumberedClamd = { url: string; number: (signatures: number) => void; close: () => Promise<void> }

/**
 * A proxy for a real clamd that adds the number of its signatures to its version, as for signatures from the mirror:
 * only those are numbered, and nobody else can sign them.
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
    url: `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`, // the address of a TCP listener
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
