import { createInterface } from 'node:readline'
import { createInterface as createQuestions } from 'node:readline/promises'
import { Writable } from 'node:stream'
import { text } from 'node:stream/consumers'

import { AppError } from '../../errors/app-error.ts'
import { WrongUse } from './explain-failure.ts'

type Streams = { stdin: NodeJS.ReadStream; stderr: NodeJS.WriteStream }

/**
 * Returns how to read a new password: all of standard input except the last line break, or twice from the terminal
 * without echo. Never an argument, which everybody on the machine sees in the list of processes. Throws at once when
 * neither is possible.
 */
export function passwordReader(
  email: string,
  { passwordStdin }: { passwordStdin?: true },
  { stdin, stderr }: Streams = process,
): () => Promise<string> {
  if (passwordStdin && stdin.isTTY)
    throw new WrongUse(
      '--password-stdin: standard input is the terminal, which would show the password. Omit the option to be asked.',
    )
  if (passwordStdin) return async () => (await text(stdin)).replace(/\r?\n$/, '')
  if (stdin.isTTY) return async () => askTwice(email, { stdin, stderr })
  throw new WrongUse('There is no terminal to ask for the password. Give it on standard input with --password-stdin.')
}

async function askTwice(email: string, { stdin, stderr }: Streams): Promise<string> {
  const questions = [`New password for ${email}, 10 characters or more: `, 'Repeat it: ']
  const [password, again] = await askUnseen(questions, { stdin, stderr })
  if (password === undefined || again === undefined)
    throw new AppError('validation_failed', 'No password was given. Nothing was changed.')
  if (password !== again) throw new AppError('validation_failed', 'The passwords differ. Nothing was changed.')
  return password
}

/** Asks on the terminal without echo. After Ctrl-C or Ctrl-D the remaining answers are missing. */
async function askUnseen(questions: string[], { stdin, stderr }: Streams): Promise<string[]> {
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() })
  const reader = createInterface({ input: stdin, output: nowhere, terminal: true, historySize: 0 })
  // The iterator buffers lines that arrive early, such as two pasted ones.
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

/** Throws unless the operator agrees. `warning`: what cannot be undone; `answer`: the text that they must type. */
export type Confirm = (warning: string, answer: string) => Promise<void>

/** Returns how to ask before something that cannot be undone. Throws at once without a terminal and without `--yes`. */
export function confirmer({ yes }: { yes?: true }, { stdin, stderr }: Streams = process): Confirm {
  if (yes === true) return async () => undefined
  if (!stdin.isTTY) throw new WrongUse('There is no terminal to ask for confirmation. Give --yes.')
  return async (warning, answer) => {
    const reader = createQuestions({ input: stdin, output: stderr })
    try {
      const typed = await reader.question(`${warning} Type ${answer} to go on: `)
      if (typed.trim() !== answer) throw new AppError('validation_failed', 'Not confirmed. Nothing was changed.')
    } finally {
      reader.close()
    }
  }
}
