import { ZxcvbnFactory } from '@zxcvbn-ts/core'
import * as common from '@zxcvbn-ts/language-common'
import * as english from '@zxcvbn-ts/language-en'

import type { Estimate, Question } from './estimator.ts'

/** 72: bcrypt's limit. With more substitutions (4 for a) a hostile password takes seconds instead of a tenth of one. */
const estimator = new ZxcvbnFactory({
  dictionary: { ...common.dictionary, ...english.dictionary },
  graphs: common.adjacencyGraphs,
  maxLength: 72,
  l33tMaxSubstitutions: 20,
})

process.on('message', (message) => {
  const { id, password, words } = message as Question // only `estimator.ts` starts this program
  const { score, guessesLog10, feedback } = estimator.check(password, words)
  const { warning, suggestions } = feedback
  const answer: Estimate = { id, score, guessesLog10, warning, suggestions }
  process.send?.(answer)
})
