import type { Db } from '../../database/client.ts'
import { findUnnamedKeys } from '../../database/find-unnamed.ts'
import type { FileStat } from '../../storage/file-store.ts'
import { pagesOf } from '../pages-of.ts'
import type { StoreHere } from '../stores-here.ts'

const pageSize = 500

/**
 * The files of one store that no row names, a page at a time. A file that went away since its page was listed is none:
 * whoever removes bytes does so before the row goes that names them. Throws when the store could not be asked.
 */
export async function* findStrays(
  db: Db,
  { files, ...where }: StoreHere,
  { signal, onListed }: { signal: AbortSignal; onListed?: (files: number) => void },
): AsyncGenerator<FileStat, undefined> {
  for await (const page of pagesOf(files.list(''), pageSize)) {
    if (signal.aborted) return
    onListed?.(page.length)
    const unnamed = await findUnnamedKeys(
      db,
      where,
      page.map(({ key }) => key),
    )
    for (const key of unnamed) {
      const stray = await files.stat(key)
      if (stray !== undefined) yield stray
    }
  }
}
