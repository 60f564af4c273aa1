/**
 * A service that the tests need is missing. The message names, for the person who runs them, what is missing and what to do.
 */
export class ServiceFailure extends Error {
  override readonly name = 'ServiceFailure'
  // The stack would only hide the message.
  override readonly stack = ''
}
