import { open } from 'node:fs/promises'

/** A whole file that is looked into here and there. */
export type FileContent = {
  size: number
  /** The bytes from `start`, fewer than `length` where the file ends before. */
  read(start: number, length: number): Promise<Buffer>
}

export function contentInMemory(bytes: Buffer): FileContent {
  return { size: bytes.length, read: async (start, length) => bytes.subarray(start, start + length) }
}

/** Opens a file for as long as somebody looks into it. */
export async function withFileContent(path: string, look: (bytes: FileContent) => Promise<void>): Promise<void> {
  await using file = await open(path)
  const { size } = await file.stat()
  await look({
    size,
    async read(start, length) {
      const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(length), position: start })
      return buffer.subarray(0, bytesRead)
    },
  })
}
