/** What a phone writes into a photo: how it was turned, its model and where it was. */
export type PhotoFacts = { orientation: number; model: string; southDegrees: number }

/** The JPEG with these facts as EXIF (Exif 3.0, 4.6), as a camera writes them. */
export function withExif(jpeg: Buffer, { orientation, model, southDegrees }: PhotoFacts): Buffer {
  const name = Buffer.from(`${model}\0`)
  const entriesAt = 8
  const gpsAt = entriesAt + 2 + 3 * 12 + 4
  const nameAt = gpsAt + 2 + 2 * 12 + 4
  const degreesAt = nameAt + name.length
  const tiff = Buffer.concat([
    Buffer.from('II*\0'),
    uint32(entriesAt),
    directory([
      entry(0x01_10, { type: 2, count: name.length, value: uint32(nameAt) }),
      entry(0x01_12, { type: 3, count: 1, value: uint32(orientation) }),
      entry(0x88_25, { type: 4, count: 1, value: uint32(gpsAt) }),
    ]),
    directory([
      entry(1, { type: 2, count: 2, value: Buffer.from('S\0\0\0') }),
      entry(2, { type: 5, count: 3, value: uint32(degreesAt) }),
    ]),
    name,
    ...[southDegrees, 1, 0, 1, 0, 1].map(uint32),
  ])
  const content = Buffer.concat([Buffer.from('Exif\0\0'), tiff])
  const head = Buffer.from([0xff, 0xe1, (content.length + 2) >> 8, (content.length + 2) & 0xff])
  return Buffer.concat([jpeg.subarray(0, 2), head, content, jpeg.subarray(2)])
}

function directory(entries: Buffer[]): Buffer {
  return Buffer.concat([uint16(entries.length), ...entries, uint32(0)])
}

function entry(tag: number, { type, count, value }: { type: number; count: number; value: Buffer }): Buffer {
  return Buffer.concat([uint16(tag), uint16(type), uint32(count), value])
}

function uint16(value: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeUInt16LE(value)
  return bytes
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}
