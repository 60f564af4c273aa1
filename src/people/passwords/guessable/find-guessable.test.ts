import { expect, it } from 'vitest'

import { findGuessable } from './find-guessable.ts'

const thandi = ['thandi.nkosi@bluecrane.example', 'Thandi', 'Nkosi van der Merwe']

it.each([
  'correct horse battery',
  'another long password',
  'a password of their own',
  'äöü straße fluß',
  // made by randomBytes(18)
  'Zk3vQ8-xW1nT_c5RmYb0aLqE',
  // random, with half of it symbols
  'a#9$k!2@x%',
  'thandi zk3vQ8xW',
])('a password that takes many guesses has no fault: %s', async (password) => {
  expect(await findGuessable(password, thandi)).toBeUndefined()
})

it.each([
  ['password1234', 'it is similar to a common password; add words that are less common'],
  ['qwertyuiop', 'one of the hundred most used passwords'],
  ['aaaaaaaaaaaa', 'repeated characters add little'],
  ['abcabcabcabc', 'repeated parts add little'],
  ['1985-06-15', 'dates are tried early'],
  ['Bluecrane1', 'words about the person or this service'],
  ['Thandi2026!', 'words about the person or this service'],
  ['Nk0si12345', 'easy to guess: '],
  ['merwemerwe', 'easy to guess: '],
  ['paniq2026!', 'words about the person or this service'],
  ['psirapsira', 'easy to guess: '],
  ['thandi nkosi', 'words about the person or this service'],
  ['paniq documents', 'words about the person or this service'],
  ['password password', 'repeated parts add little'],
  ['a long password', 'it is similar to a common password'],
  ['p.a.s.s.w.o.r.d.1', 'it is a common password'],
  ['Thandi-Nkosi-2026', 'words about the person or this service'],
  ['security guarding documents', 'words about the person or this service'],
])('the fault of %s has a reason and an advice', async (password, fault) => {
  expect(await findGuessable(password, thandi)).toContain(fault)
})

it('a fault does not repeat the password or the words about the person', async () => {
  expect(await findGuessable('Thandi2026!', thandi)).not.toMatch(/thandi|2026/i)
})

it('a fault names each advice once', async () => {
  expect(await findGuessable('eight green ladders', thandi)).toBe('is easy to guess: add words that are less common')
})

it('the longest password takes at most three estimates, of no more characters than it has', async () => {
  const asked: string[] = []
  const longest = 'nkosi-4357 '.repeat(7).slice(0, 72)
  await findGuessable(longest, thandi, async (password) => {
    asked.push(password)
    return { id: 0, score: 4, guessesLog10: 20, warning: null, suggestions: [] }
  })
  expect(asked.length).toBeLessThanOrEqual(3)
  expect(asked.every((each) => each.length <= longest.length)).toBe(true)
})
