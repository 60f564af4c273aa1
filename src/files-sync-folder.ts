import { constants } from 'node:fs'
import { open } from 'node:fs/promises'

/** Makes durable what was just made, renamed or removed in a folder: a file's name is so once the folder that it stands in is. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, constants.O_RDONLY | constants.O_DIRECTORY)
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
