import { join } from 'node:path'

import type { Bench } from './prepare.ts'
import { type Program, startProgram } from './start-program.ts'

export function startBarePipe({ bucket: { name, s3 }, folder, signal }: Bench): Promise<Program> {
  return startProgram({
    command: process.execPath,
    words: [join(import.meta.dirname, 'bare-pipe.ts')],
    folder,
    signal,
    logFile: join(folder, 'bare-pipe.log'),
    env: {
      BARE_PIPE_ENDPOINT: s3.endpoint,
      BARE_PIPE_BUCKET: name,
      BARE_PIPE_REGION: s3.region,
      AWS_ACCESS_KEY_ID: s3.app.accessKeyId,
      AWS_SECRET_ACCESS_KEY: s3.app.secretAccessKey,
      ...(s3.app.sessionToken !== undefined && { AWS_SESSION_TOKEN: s3.app.sessionToken }),
    },
  })
}
