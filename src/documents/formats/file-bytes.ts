import { open } from 'node:fs/promises'

/** Random access to a complete file. */
export type FileContent = {
  size: number
  /** The bytes from `start`; fewer than `length` at the end of the file. */
  read(start: number, length: number): Promise<Buffer>
}

export function contentInMemory(bytes: Buffer): FileContent {
  return { size: bytes.length, read: async (start, length) => bytes.subarray(start, start + length) }
}

/** Opens a file for the duration of `check`. */
export async function withFileContent(path: string, check: (bytes: FileContent) => Promise<void>): Promise<void> {
  await using file = await open(path)
  const { size } = await file.stat()
  await check({
    size,
    async read(start, length) {
      const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(length), position: start })
      return buffer.subarray(0, bytesRead)
    },
  })
}
