import type { Model } from './model.ts'
import { type Real, type Verb, verb } from './verb.ts'

export type Fault = {
  words: string
  canHappen: (model: Model) => boolean
  happen: (model: Model, real: Real) => Promise<void>
}

export const faultVerb = ({ words, canHappen, happen }: Fault): Verb =>
  verb({ words, canRun: canHappen, run: async (model, real) => (await happen(model, real), 'so') })
