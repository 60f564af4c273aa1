import type { Model } from '../state/model.ts'
import { type Real, type Verb, verb } from '../state/verb.ts'

export type Fault = {
  words: string
  canHappen: (model: Model) => boolean
  happen: (model: Model, real: Real) => Promise<void>
}

export const faultVerb = ({ words, canHappen, happen }: Fault): Verb =>
  verb({ words, canRun: canHappen, run: async (model, real) => (await happen(model, real), 'so') })
