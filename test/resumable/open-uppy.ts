type File = { name: string; type: string; data: Buffer & { size: number } }

/** The part of Uppy that the tests use. Its own types would make those of browsers known to all of the project. */
export type Uppy = {
  use(plugin: unknown, options: Record<string, unknown>): Uppy
  addFile(file: File): string
  upload(): Promise<{ failed: { error: string }[] } | undefined>
}

type UppyConstructor = new (options: { meta: Record<string, string> }) => Uppy

const packages = { core: '@uppy/core', tus: '@uppy/tus' }

/** Uppy with its plugin for tus, as a page uses it. */
export async function openUppy(meta: Record<string, string>, options: Record<string, unknown>): Promise<Uppy> {
  const { default: Core } = (await import(packages.core)) as { default: UppyConstructor } // its documented export
  const { default: Tus } = (await import(packages.tus)) as { default: unknown }
  const allowedMetaFields = ['name', 'type', ...Object.keys(meta)]
  return new Core({ meta }).use(Tus, { ...options, allowedMetaFields })
}
