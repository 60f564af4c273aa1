import type { BucketReach, PartDefinition } from './bucket-part.ts'
import { calling, type NotTakenBack } from './call-failed.ts'
import { setupRights } from './setup-rights.ts'

/** Puts a part as it is to be; `undefined` takes it away. What S3 refuses is thrown with the right that it takes. */
export function putPart<Held>(
  definition: PartDefinition<Held>,
  reach: BucketReach,
  held: Held | undefined,
  Failure?: typeof NotTakenBack,
): Promise<void> {
  const { write, clear } = setupRights[definition.part]
  if (held === undefined) return calling(clear, () => definition.clear(reach), Failure)
  return calling(write, () => definition.write(reach, held), Failure)
}
