import { expect, it } from 'vitest'

import { findGuessable } from './find-guessable.ts'

const thandi = ['thandi.nkosi@bluecrane.example', 'Thandi', 'Nkosi van der Merwe']

it.each([
  'correct horse battery',
  'a long password',
  'a password of their own',
  'äöü straße fluß',
  // made by randomBytes(18)
  'Zk3vQ8-xW1nT_c5RmYb0aLqE',
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
])('the fault of %s has a reason and an advice', async (password, fault) => {
  expect(await findGuessable(password, thandi)).toContain(fault)
})

it('a fault does not repeat the password or the words about the person', async () => {
  expect(await findGuessable('Thandi2026!', thandi)).not.toMatch(/thandi|2026/i)
})
