import { crc32, deflateRawSync } from 'node:zlib'

import { makePdf } from './make-files.ts'
import { eicar } from '../services/programs/clamd.ts'

/** The EICAR test file: harmless, and detected by every scanner by agreement. */
export const eicarFile = Buffer.from(eicar)

/** A valid PDF with the test virus attached. */
export function makeInfectedPdf(wish: { bytes?: number; seed?: string } = {}): Buffer {
  return makePdf({ ...wish, attached: eicarFile })
}

/** A PDF with an attached ZIP that contains the test virus. */
export function makePdfWithInfectedZip(): Buffer {
  return makePdf({ attached: zipOf('a.com', eicarFile) })
}

/** The test virus in this number of nested ZIPs. */
export function nestEicar(depth: number): Buffer {
  return Array.from({ length: depth }).reduce<Buffer>((inner, _, index) => zipOf(`${index}.zip`, inner), eicarFile)
}

/** A ZIP of one compressed entry. `flags` 1: it claims to need a password. */
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
