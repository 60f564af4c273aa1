import { crc32, deflateRawSync } from 'node:zlib'

import { makePdf } from './make-files.ts'
import { eicar } from '../services/programs/clamd.ts'

/** Harmless, and by agreement a find of every scanner. */
export const eicarFile = Buffer.from(eicar)

/** A PDF that every reader opens, with the test virus attached. */
export function makeInfectedPdf(wish: { bytes?: number; seed?: string } = {}): Buffer {
  return makePdf({ ...wish, attached: eicarFile })
}

/** A PDF with the test virus in a ZIP that is attached to it. */
export function makePdfWithInfectedZip(): Buffer {
  return makePdf({ attached: zipOf('a.com', eicarFile) })
}

/** The test virus in so many ZIPs, one inside the other. */
export function nestEicar(depth: number): Buffer {
  return Array.from({ length: depth }).reduce<Buffer>((inner, _, index) => zipOf(`${index}.zip`, inner), eicarFile)
}

/** A ZIP of one entry, packed. `flags` 1: it says that a password is needed. */
export function zipOf(name: string, content: Buffer, flags = 0): Buffer {
  const packed = deflateRawSync(content)
  const about = Buffer.alloc(26)
  about.writeUInt16LE(20, 0)
  about.writeUInt16LE(flags, 2)
  about.writeUInt16LE(8, 4)
  about.writeUInt32LE(crc32(content), 10)
  about.writeUInt32LE(packed.length, 14)
  about.writeUInt32LE(content.length, 18)
  about.writeUInt16LE(name.length, 22)
  const local = Buffer.concat([Buffer.from('PK\x03\x04'), about, Buffer.from(name), packed])
  const central = Buffer.concat([
    Buffer.from('PK\x01\x02\x14\x00', 'latin1'),
    about,
    Buffer.alloc(14),
    Buffer.from(name),
  ])
  const end = Buffer.alloc(22)
  end.write('PK\x05\x06', 'latin1')
  end.writeUInt16LE(1, 8)
  end.writeUInt16LE(1, 10)
  end.writeUInt32LE(central.length, 12)
  end.writeUInt32LE(local.length, 16)
  return Buffer.concat([local, central, end])
}
