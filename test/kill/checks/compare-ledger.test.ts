import { expect, it } from 'vitest'

import { compareLedger } from './compare-ledger.ts'
import { openLedger, type SentFile } from '../clients/ledger.ts'
import type { VersionRow } from './read-names.ts'

const file: SentFile = { sha256: 'a'.repeat(64), size: 3, firmId: 'f1', cycle: 4, idempotencyKey: undefined }
const row: VersionRow = {
  place: 's3:kept',
  documentId: 'd1',
  firmId: 'f1',
  sha256: file.sha256,
  size: 3,
  bytesState: 'present',
  isFallback: false,
}

function ledgerWith(...documentIds: string[]) {
  const ledger = openLedger()
  ledger.noteSent(file)
  for (const id of documentIds) ledger.noteAnswered(file, id)
  return ledger
}

it('accepts stored promised files, and unanswered files that are stored or not', () => {
  expect(compareLedger(ledgerWith('d1'), [row])).toEqual([])
  expect(compareLedger(ledgerWith(), [row])).toEqual([])
  expect(compareLedger(ledgerWith(), [])).toEqual([])
})

it('finds a lost promised document, and one with the content of another file', () => {
  expect(compareLedger(ledgerWith('d1'), [])).toEqual(['lost: document d1 of cycle 4 was answered 201'])
  expect(compareLedger(ledgerWith('d1'), [{ ...row, size: 2 }])).toEqual(['document d1 of cycle 4 became another file'])
})

it('finds one file stored as two documents, and a document with a file that was never sent', () => {
  expect(compareLedger(ledgerWith('d1'), [row, { ...row, documentId: 'd2' }])).toEqual([
    '2 documents of one file: d1,d2',
  ])
  expect(compareLedger(openLedger(), [row])).toEqual([`a document of a file that nobody sent: ${file.sha256}`])
})

it('finds a second document for the same file', () => {
  const ledger = ledgerWith('d1')

  expect(ledger.noteAnswered(file, 'd1')).toEqual([])
  expect(ledger.noteAnswered(file, 'd2')).toEqual(['d1'])
})
