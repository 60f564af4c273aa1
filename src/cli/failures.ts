/** The command did what it was asked, the result is bad, and it has said so. */
export class CommandFailed extends Error {
  override readonly name = 'CommandFailed'
}

/** Asked for in a way that cannot be; the message says in which way it can. */
export class WrongUse extends Error {
  override readonly name = 'WrongUse'
}
