import { createInterface } from 'node:readline'
import { Writable } from 'node:stream'
import { text } from 'node:stream/consumers'

import { AppError } from '../../errors/app-error.ts'
import { WrongUse } from './explain-failure.ts'

type Streams = { stdin: NodeJS.ReadStream; stderr: NodeJS.WriteStream }

/**
 * How a new password is read: all of standard input but its last line break, or twice from the terminal, unseen. Never
 * from an argument, which everybody on the machine sees in the list of processes. Throws at once where it cannot be.
 */
export function passwordReader(
  email: string,
  { passwordStdin }: { passwordStdin?: true },
  { stdin, stderr }: Streams = process,
): () => Promise<string> {
  if (passwordStdin && stdin.isTTY)
    throw new WrongUse(
      '--password-stdin: standard input is the terminal, which would show it. Leave it out to be asked, unseen.',
    )
  if (passwordStdin) return async () => (await text(stdin)).replace(/\r?\n$/, '')
  if (stdin.isTTY) return async () => askTwice(email, { stdin, stderr })
  throw new WrongUse('There is no terminal to ask for the password on. Give it on standard input: --password-stdin')
}

async function askTwice(email: string, { stdin, stderr }: Streams): Promise<string> {
  const questions = [`New password for ${email}, 8 characters or more: `, 'Once more: ']
  const [password, again] = await askUnseen(questions, { stdin, stderr })
  if (password === undefined || again === undefined)
    throw new AppError('validation_failed', 'No password was given; nothing was changed.')
  if (password !== again) throw new AppError('validation_failed', 'The two are not the same; nothing was changed.')
  return password
}

/** Asks on the terminal without showing what is typed. Answers that Ctrl-C or Ctrl-D kept back are missing. */
async function askUnseen(questions: string[], { stdin, stderr }: Streams): Promise<string[]> {
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() })
  const reader = createInterface({ input: stdin, output: nowhere, terminal: true, historySize: 0 })
  // The iterator keeps lines that come before they are asked for, as when somebody pastes both.
  const lines = reader[Symbol.asyncIterator]()
  reader.once('SIGINT', () => reader.close())
  const answers: string[] = []
  for (const question of questions) {
    stderr.write(question)
    const line = await lines.next()
    stderr.write('\n')
    if (line.done === true) break
    answers.push(line.value)
  }
  reader.close()
  return answers
}
