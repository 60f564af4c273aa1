import type { Command } from 'commander'

import { type Actions, buildProgram } from '../../../src/cli/program.ts'

/** The real program, whose commands only note that they were called. */
export function makeNotingProgram(called: string[] = []): Command {
  const note = (name: string) => async () => void (await Promise.resolve(called.push(name)))
  const actions: Actions = {
    serve: note('serve'),
    work: note('work'),
    testS3: note('s3 test'),
    setUpS3: note('s3 setup'),
    createUser: note('users create'),
    setPassword: note('users set-password'),
    linkIdentity: note('users link'),
    unlinkIdentity: note('users unlink'),
    migrateDatabase: note('db migrate'),
    migrate: async (to) => note(`migrate to-${to}`)(),
    drain: note('drain'),
    verify: note('verify'),
    verifyAudit: note('audit verify'),
    exportAudit: note('audit export'),
    createBackup: note('backup create'),
    verifyBackup: note('backup verify'),
    restoreBackup: note('backup restore'),
    purge: note('purge'),
    estimateCost: note('cost estimate'),
  }
  return buildProgram(actions, '0.0.0')
}
