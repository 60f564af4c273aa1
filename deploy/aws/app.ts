// The app that `cdk` runs: writes the stacks' templates into cdk.out, or says what is missing in the context.
import { buildApp } from './build-app.ts'
import { WrongContext } from './read-deployment.ts'

try {
  const { app, documents } = buildApp()
  app.synth()
  if (documents === undefined)
    console.error('The documents stack comes after the other two are deployed. Pass replicaKey and distribution.')
} catch (error) {
  if (!(error instanceof WrongContext)) throw error
  console.error(error.message)
  process.exitCode = 1
}
