import { createInterface } from 'node:readline/promises'

import { AppError } from '../../errors/app-error.ts'
import { WrongUse } from './explain-failure.ts'

type Streams = { stdin: NodeJS.ReadStream; stderr: NodeJS.WriteStream }

/** Throws unless the operator agrees. `warning`: what cannot be undone; `answer`: the text that they must type. */
export type Confirm = (warning: string, answer: string) => Promise<void>

/** Returns how to ask before something that cannot be undone. Throws at once without a terminal and without `--yes`. */
export function confirmer({ yes }: { yes?: true }, { stdin, stderr }: Streams = process): Confirm {
  if (yes === true) return async () => undefined
  if (!stdin.isTTY) throw new WrongUse('There is no terminal to ask for confirmation. Give --yes.')
  return async (warning, answer) => {
    const reader = createInterface({ input: stdin, output: stderr })
    try {
      const typed = await reader.question(`${warning} Type ${answer} to go on: `)
      if (typed.trim() !== answer) throw new AppError('validation_failed', 'Not confirmed. Nothing was changed.')
    } finally {
      reader.close()
    }
  }
}
