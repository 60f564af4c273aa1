import { statfs } from 'node:fs/promises'

/** `freeBytes`: what this process may still use; a part may be kept back for the machine's own. */
export type DiskRoom = { freeBytes: number; sizeBytes: number }

/** How much room there is on the disk that a folder lies on. */
export async function readDiskRoom(folder: string): Promise<DiskRoom> {
  const { bsize, bavail, blocks } = await statfs(folder)
  return { freeBytes: bsize * bavail, sizeBytes: bsize * blocks }
}
