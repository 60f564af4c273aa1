/** The command did what it was asked, the result is bad, and it has said so. */
export class CommandFailed extends Error {
  override readonly name = 'CommandFailed'
}

/** Somebody told it to end before it had begun, or before it was done with what is soon done. */
export class ToldToEnd extends Error {
  override readonly name = 'ToldToEnd'
  override readonly message = 'It was told to end before it was done. Give the same line again.'
}

/** Asked for in a way that cannot be; the message says in which way it can. */
export class WrongUse extends Error {
  override readonly name = 'WrongUse'
}
