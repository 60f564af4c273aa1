import { expect, it } from 'vitest'

import type { DocumentId, FirmId } from '../../vocabulary/vocabulary.ts'
import { type EndingDocument, renewalReminder } from './renewal.ts'

function textOf(...days: number[]): string {
  const documents = days.map((daysLeft): EndingDocument => ({
    documentId: '0b0e5a0c-0000-4000-8000-000000000001' as DocumentId,
    typeName: 'Tax clearance',
    validUntil: '2026-12-01',
    daysLeft,
    newer: null,
  }))
  const firmId = '0b0e5a0c-0000-4000-8000-000000000002' as FirmId
  const { subject, paragraphs, closing } = renewalReminder(
    { firmId, firmName: 'Blue Crane', documents, more: 0 },
    undefined,
  )
  return [subject, ...paragraphs, ...closing].join(' ')
}

it.each([
  ['that all end later', [3, 7], ['the first ends in 3 days', 'end soon'], ['have expired']],
  ['that has expired', [-2], ['one has expired', 'has no valid one'], ['end soon', 'stays valid until']],
  ['of both kinds', [-2, -1, 7], ['2 have expired', 'have expired or end soon', 'stays valid until'], []],
])('a digest of documents %s says no more of them than is so', (_name, days, said, unsaid) => {
  const text = textOf(...days)

  expect(said.filter((words) => !text.includes(words))).toEqual([])
  expect(unsaid.filter((words) => text.includes(words))).toEqual([])
})
