import { expect, it } from 'vitest'

import { firmWithAdmin } from '../../support/service/firm-with-admin.ts'
import { makePdf } from '../../support/files/make-files.ts'
import { sceneOfFile } from '../../support/service/scene-of-file.ts'
import { startService } from '../../support/service/start-service.ts'
import { listStored } from './list-stored.ts'
import { asChunk, formStart, openRaw, uploadHead } from '../../support/http/raw-connection.ts'

const scene = sceneOfFile(async (closing) => {
  const service = await startService()
  closing.defer(() => service.stop())
  return { service, ...(await firmWithAdmin(service)) }
})

it('clients that disconnect early are logged like others, and leave nothing', async () => {
  const { service, firm, admin } = scene
  const before = await listStored(service)
  const count = 60
  const upload = uploadHead(firm, admin.headers.authorization, 'Transfer-Encoding: chunked')
  const sendAndGo = async () => {
    const connection = await openRaw(service.url)
    await connection.send(upload)
    await connection.send(asChunk(formStart))
    await connection.send(asChunk(makePdf().subarray(0, 300)))
    connection.drop()
  }
  await Promise.all(Array.from({ length: count }, sendAndGo))

  const recorded = async () => {
    const events = service.app.db.selectFrom('document_trail').select('ip').where('firm_id', '=', firm)
    return (await events.where('outcome', '=', 'bad_request').execute()).length
  }
  await expect.poll(recorded).toBe(count)
  expect(service.logLines.filter((line) => line.includes('request_failed'))).toEqual([])
  expect(await listStored(service)).toEqual(before)
})
