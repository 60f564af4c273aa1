import * as fc from 'fast-check'

import { type Fault, faultVerb } from './fault.ts'
import type { ScannerState } from '../state/model.ts'
import { noteScanner } from '../notes/note-scans.ts'
import type { Verb } from '../state/verb.ts'

type State = Exclude<ScannerState, 'none'>

const becomes = (state: State, words: string, afterBytes?: number): Fault => ({
  words,
  canHappen: ({ scanner }) => scanner !== 'none' && (scanner !== state || afterBytes !== undefined),
  async happen(model, { world }) {
    await world.scanner?.set(state, afterBytes)
    noteScanner(model, state)
  },
})

export const scannerDown = becomes('down', 'the scanner goes down')
export const scannerUp = becomes('up', 'the scanner is back')
const scannerSlow = becomes('slow', 'the scanner gets slow')
const scannerCutting = (afterBytes: number): Fault =>
  becomes(
    'cutting',
    afterBytes === 0
      ? 'the scanner’s answers are cut off'
      : `files are cut off after ${afterBytes} bytes on their way to the scanner`,
    afterBytes,
  )

export const scannerVerb: fc.Arbitrary<Verb> = fc
  .oneof(
    { weight: 3, arbitrary: fc.constant(scannerDown) },
    { weight: 5, arbitrary: fc.constant(scannerUp) },
    { weight: 1, arbitrary: fc.constant(scannerSlow) },
    { weight: 1, arbitrary: fc.constantFrom(0, 500, 20_000).map(scannerCutting) },
  )
  .map(faultVerb)
