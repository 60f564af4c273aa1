import { beforeAll, expect, it } from 'vitest'

import type { ErrorCode } from '../../src/errors/app-error.ts'
import type { ServedRoute } from '../../src/http/requests/served-routes.ts'
import { errorTable } from '../../src/http/errors/error-codes.ts'
import { rights } from '../../src/people/rights.ts'
import { serverWithRoutes } from '../support/service/server-with-routes.ts'
import { answerOfThoseLetIn, askRoute, isKnown } from './rights/ask-route.ts'
import { expectedAnswers } from './rights/expected-answers.ts'
import { reviveKeysOfFormerAdmins } from './rights/keys-that-ask.ts'
import { type Asking, kindsOfPeople, type KindOfPerson, makePeopleWhoAsk } from './rights/people-who-ask.ts'

const scene = serverWithRoutes()
let people: Record<KindOfPerson, Asking>
beforeAll(async () => {
  people = await makePeopleWhoAsk(scene.service)
})

/** Answered by CORS before authentication. */
const answeredToAnybody = new Set(['OPTIONS *'])

function routes(): ServedRoute[] {
  return scene.server.servedRoutes.filter(({ method, url: path }) => !answeredToAnybody.has(`${method} ${path}`))
}

it('every route names a right, or the people it allows', () => {
  const without = routes().filter(({ right, access }) => right === undefined && access === undefined)

  expect(routes().length).toBeGreaterThan(20)
  expect(without).toEqual([])
})

it('every right has expected answers for every kind of person', () => {
  const asked = [...Object.keys(rights), ...routes().map(nameOf)]
  const missing = [...new Set(asked)].flatMap((name) => kindsOfPeople.filter((kind) => !rowOf(name)?.[kind]))

  expect(missing).toEqual([])
})

it('every right is required by a route', () => {
  expect(new Set(routes().flatMap(({ right }) => right ?? []))).toEqual(new Set(Object.keys(rights)))
})

it('the next tests can call every route', () => {
  expect(routes().filter((route) => !isKnown(route))).toEqual([])
})

it.each(kindsOfPeople)('%s gets the expected answer on every route', async (kind) => {
  const heard: Record<string, string> = {}
  const expected: Record<string, string> = {}
  for (const route of routes()) {
    const name = `${route.method} ${route.url}`
    if (kind === 'a key of a former firm_admin') await reviveKeysOfFormerAdmins(scene.service.app)
    heard[name] = await askRoute(scene, route, people[kind])
    expected[name] = expectedAnswer(route, rowOf(nameOf(route))?.[kind])
  }

  expect(heard).toEqual(expected)
})

it.each(kindsOfPeople)('%s gets the expected answer for a confidential document', async (kind) => {
  const { authorization, place } = people[kind]
  const ofConfidential = routes().filter(({ url: path }) => path.includes('/documents/:id'))
  const heard: Record<string, string> = {}
  const expected: Record<string, string> = {}
  for (const route of ofConfidential) {
    const name = `${route.method} ${route.url}`
    if (kind === 'a key of a former firm_admin') await reviveKeysOfFormerAdmins(scene.service.app)
    heard[name] = await askRoute(scene, route, {
      authorization,
      place: { ...place, documentId: place.confidentialId },
    })
    expected[name] = expectedAnswer(route, rowOf(`${route.right}, confidential`)?.[kind])
  }

  expect(ofConfidential.length).toBeGreaterThan(0)
  expect(heard).toEqual(expected)
})

/** The row of a route in the table. */
function nameOf({ right, access, scope }: ServedRoute): string {
  const name = right ?? access ?? 'public'
  return scope === undefined ? name : `${name}, ${scope}`
}

function rowOf(name: string): Record<string, string> | undefined {
  return new Map<string, Record<string, string>>(Object.entries(expectedAnswers)).get(name)
}

function expectedAnswer(route: ServedRoute, answer: string | undefined): string {
  if (answer === undefined) return 'the table has no answer'
  if (answer === 'ok') return answerOfThoseLetIn(route)
  const { status } = errorTable[answer as ErrorCode] // the table has only error codes and "ok"
  return route.method === 'HEAD' ? String(status) : `${status} ${answer}`
}
