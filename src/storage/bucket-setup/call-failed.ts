/** A call to S3 that failed, and the right that it takes. */
export class CallFailed extends Error {
  override readonly name: string = 'CallFailed'
  readonly right: string

  constructor(right: string, cause: unknown) {
    super(`A call that takes ${right} failed.`, { cause })
    this.right = right
  }
}

/** The bucket does not take, give back or let go of what the service sends. */
export class NotProved extends CallFailed {
  override readonly name = 'NotProved'
}

/** Nor could what was set be put back as it was: S3 has it still. */
export class NotTakenBack extends CallFailed {
  override readonly name = 'NotTakenBack'
}

export async function calling<Answer>(
  right: string,
  call: () => Promise<Answer>,
  Failure: typeof CallFailed = CallFailed,
): Promise<Answer> {
  try {
    return await call()
  } catch (error) {
    throw error instanceof CallFailed ? error : new Failure(right, error)
  }
}
