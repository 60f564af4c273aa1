import packageJson from '../../package.json' with { type: 'json' }
import { explainCommandFailure } from '../cli/command/run-command.ts'
import { buildProgram, toolCommands } from '../cli/program.ts'
import { runProgram } from '../cli/run-program.ts'
import { serviceCommands } from './service-commands.ts'

process.on('uncaughtException', (error) => {
  console.error(explainCommandFailure(error).message)
  process.exit(1)
})
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // The reader closed the pipe, as `| head` does.
  if (error.code === 'EPIPE') process.exit(0)
  throw error
})

const program = buildProgram([...serviceCommands, ...toolCommands], packageJson.version)
process.exit(await runProgram(program, process.argv.slice(2), explainCommandFailure))
