import { defineCommand } from '../cli/command/define-command.ts'
import { prepareService } from '../cli/command/run-command.ts'

/** The commands that run until a shutdown signal. */
export const serviceCommands = [
  defineCommand<{ jobs: boolean }>({
    path: 'serve',
    description: 'Start the API and the jobs, and run until stopped (Ctrl-C).',
    example: 'PORT=8001 ./bin/paniq-docs serve',
    configure: (command) => command.option('--no-jobs', 'start only the API; run the jobs elsewhere with `work`'),
    async run(options) {
      const { serve } = await import('./serve.ts')
      await serve(await prepareService(), options)
    },
  }),
  defineCommand({
    path: 'work',
    description: 'Run only the jobs, for any number of `serve --no-jobs`, until stopped (Ctrl-C).',
    example: './bin/paniq-docs work',
    async run() {
      const { work } = await import('./serve.ts')
      await work(await prepareService())
    },
  }),
]
