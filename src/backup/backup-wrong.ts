/** A backup that is not what was written, or of which a part is gone; `message` is for people and says which. */
export class BackupWrong extends Error {
  override readonly name = 'BackupWrong'
}

/** Nobody signed it, and it was to be signed. */
export class NotSigned extends BackupWrong {}

/** The bytes of one file are; all others can be had without it. */
export class ContentWrong extends BackupWrong {}
