import { ConfigError } from '../config-error.ts'
import { codeOf } from '../errors-code.ts'

/** What Node threw when it could not listen, as one line that says what to do; anything else as it came. */
export function explainListening(error: unknown, { host, port }: { host: string; port: number }): unknown {
  switch (codeOf(error) ?? '') {
    case 'EADDRINUSE':
      return new ConfigError(
        `Port ${port} is taken. Stop the program that uses it, or choose another: PORT=${port + 1} npm start`,
        { cause: error },
      )
    case 'EACCES':
      return new ConfigError(`PORT: ${port} may not be used by this user. Choose one above 1023: PORT=8000 npm start`, {
        cause: error,
      })
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return new ConfigError(
        `HOST: ${JSON.stringify(host)} is no address of this machine. Use 127.0.0.1, or 0.0.0.0 for every one it has.`,
        { cause: error },
      )
    default:
      return error
  }
}
