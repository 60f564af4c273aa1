import { cp, readdir, rename, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { expect, test } from 'vitest'

import { emptyFolder, makeBackup, locationWithDocuments, problemsOf } from '../backup/backup-scene.ts'
import { uploadDocument } from '../support/documents/call-documents.ts'
import { listFolder } from '../support/s3/list-everything.ts'
import { makePdf } from '../support/files/make-files.ts'
import { findProgram } from '../support/services/packages/install-packages.ts'
import { script } from './run-backup-script.ts'

test('old backups are removed with the files that only they have, and the newest stays complete', async () => {
  const place = await locationWithDocuments({ documents: 2 })
  const first = await makeBackup(place.service, place.backups)
  const backups = join(place.backups, 'backups')
  const aged = first.name.replace(/^\d{4}/, '2020')
  await rename(join(backups, first.name), join(backups, aged))
  await uploadDocument(place.service.url, place.firm, place.admin, { bytes: makePdf({ seed: 'newer still' }) })
  const second = await makeBackup(place.service, place.backups)
  await addUnnamed(place.backups)

  const ended = await removeOld([place.backups, '90'])

  expect(ended).toMatchObject({ code: 0, stdout: 'Removed 1 old backups and 1 files that only they had.\n' })
  expect(await readdir(backups)).toEqual([second.name])
  expect(await problemsOf(place.backups)).toEqual([])
  expect(await removeOld([place.backups, '0'])).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('Removed 0 old backups'),
  })
  expect(await readdir(backups)).toEqual([second.name])
})

test('no file is removed that an unlisted running backup may need, and the newest finished backup stays', async () => {
  const { service, backups: place } = await locationWithDocuments({ documents: 2 })
  const { name } = await makeBackup(service, place)
  await addUnnamed(place)
  const other = join(place, 'backups', name.replace(/^\d{4}/, '2999'))
  await cp(join(place, 'backups', name), other, { recursive: true })
  const mark = join(other, 'unfinished.json')
  await writeFile(mark, '{}')

  const before = await listFolder(join(place, 'files'))
  const while59 = await agedTo(mark, 59).then(async () => removeOld([place, '0']))
  const then = await listFolder(join(place, 'files'))
  const after61 = await agedTo(mark, 61).then(async () => removeOld([place, '0']))

  expect(while59).toMatchObject({ code: 0, stderr: '' })
  expect(while59.stdout).toMatch(
    /^Removed 0 old backups and 0 files that only they had\.\n1 files were left, because a backup is running there/,
  )
  expect(then).toEqual(before)
  expect(after61).toMatchObject({ code: 0, stdout: 'Removed 0 old backups and 1 files that only they had.\n' })
  expect(await readdir(join(place, 'backups'))).toContain(name)
})

test.each([
  ['ends', 'rm'],
  ['begins', 'mkdir'],
])('no file is removed while a backup %s during the reading of the lists', async (_, does) => {
  const [{ service, backups: place }, bin] = [await locationWithDocuments({ documents: 2 }), await emptyFolder()]
  const { name } = await makeBackup(service, place)
  await addUnnamed(place)
  if (does === 'rm') await writeFile(join(place, 'backups', name, 'unfinished.json'), '{}')
  const what = does === 'rm' ? join(place, 'backups', name, 'unfinished.json') : join(place, 'backups', 'another')
  const comm = (await findProgram('comm')) ?? ''
  await writeFile(join(bin, 'comm'), `#!/bin/sh\n${does} ${what}\nexec ${comm} "$@"\n`, { mode: 0o700 })

  const ended = await removeOld([place, '90'], { PATH: `${bin}:${process.env['PATH'] ?? ''}` })

  expect(ended).toMatchObject({ code: 0, stderr: '', stdout: expect.stringContaining('1 files were left, because') })
  expect(await removeOld([place, '90'])).toMatchObject({
    stdout: expect.stringContaining('and 1 files that only they had'),
  })
})

test('files of the last day stay although no list names them, because an off-site copy sends files before lists', async () => {
  const { service, backups: place } = await locationWithDocuments({ documents: 2 })
  await makeBackup(service, place)
  await addUnnamed(place)
  const before = await listFolder(join(place, 'files'))

  const ended = await script('remove-old.sh', [place, '0'])

  expect(ended).toMatchObject({
    code: 0,
    stdout: 'Removed 0 old backups and 0 files that only they had.\n',
    stderr: '',
  })
  expect(await listFolder(join(place, 'files'))).toEqual(before)
})

test('no file is removed after another backup has begun, and no listed file ever', async () => {
  const [{ service, backups: place }, bin] = [await locationWithDocuments({ documents: 2 }), await emptyFolder()]
  await makeBackup(service, place)
  const before = await listFolder(join(place, 'files'))
  for (let number = 0; number < 250; number += 1) await addUnnamed(place, `${number}`.padStart(62, 'f'))
  const [rm, count] = [(await findProgram('rm')) ?? '', join(bin, 'count')]
  const begins = `[ "$(wc -l < ${count})" -ne 150 ] || mkdir ${join(place, 'backups', 'another')}`
  await writeFile(join(bin, 'rm'), `#!/bin/sh\necho >> ${count}\n${begins}\nexec ${rm} "$@"\n`, { mode: 0o700 })

  const ended = await removeOld([place, '0'], { PATH: `${bin}:${process.env['PATH'] ?? ''}` })
  const again = await removeOld([place, '0'])

  expect(ended).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/and 150 files that only they had\.\n100 files were left, because/),
  })
  expect(again).toMatchObject({ code: 0, stdout: 'Removed 0 old backups and 100 files that only they had.\n' })
  expect(await listFolder(join(place, 'files'))).toEqual(before)
})

/** Sets the clock a day ahead, because the change time of a file cannot be set back. */
async function removeOld(words: string[], env: Record<string, string> = {}) {
  return script('remove-old.sh', words, { SPARE_HOURS: '0', ...env })
}

async function agedTo(path: string, minutes: number): Promise<void> {
  const at = new Date(Date.now() - minutes * 60_000)
  await utimes(path, at, at)
}

/** A file that only a removed backup had. */
async function addUnnamed(place: string, name = 'f'.repeat(62)): Promise<void> {
  const [some = ''] = await readdir(join(place, 'files'))
  await writeFile(join(place, 'files', some, name), 'of nobody')
}
