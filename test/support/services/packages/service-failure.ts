/** A service that the tests need is not there. The message is for the person who ran them: what is missing, what to do. */
export class ServiceFailure extends Error {
  override readonly name = 'ServiceFailure'
  // Where in our code it was noticed would only bury the message.
  override readonly stack = ''
}
