import { beforeAll, expect, it } from 'vitest'

import type { ErrorCode } from '../../src/errors/app-error.ts'
import type { ServedRoute } from '../../src/http/requests/served-routes.ts'
import { errorTable } from '../../src/http/errors/error-codes.ts'
import { rights } from '../../src/people/rights.ts'
import { serverWithRoutes } from '../support/service/server-with-routes.ts'
import { answerOfThoseLetIn, askRoute, isKnown } from './rights/ask-route.ts'
import { expectedAnswers } from './rights/expected-answers.ts'
import { type Asking, kindsOfPeople, type KindOfPerson, makePeopleWhoAsk } from './rights/people-who-ask.ts'

const scene = serverWithRoutes()
let people: Record<KindOfPerson, Asking>
beforeAll(async () => {
  people = await makePeopleWhoAsk(scene.service)
})

/** Answered by the browser's rules about origins before anybody is asked who they are. */
const answeredToAnybody = new Set(['OPTIONS *'])

function routes(): ServedRoute[] {
  return scene.server.servedRoutes.filter(({ method, url: path }) => !answeredToAnybody.has(`${method} ${path}`))
}

it('every route names a right, or whom it lets in', () => {
  const without = routes().filter(({ right, access }) => right === undefined && access === undefined)

  expect(routes().length).toBeGreaterThan(20)
  expect(without).toEqual([])
})

it('every right, and whatever else a route asks for, has expected answers for every kind of person', () => {
  const asked = [...Object.keys(rights), ...routes().map(({ right, access }) => right ?? access ?? 'public')]
  const missing = [...new Set(asked)].flatMap((name) => kindsOfPeople.filter((kind) => !rowOf(name)?.[kind]))

  expect(missing).toEqual([])
})

it('every right is asked for by a route', () => {
  expect(new Set(routes().flatMap(({ right }) => right ?? []))).toEqual(new Set(Object.keys(rights)))
})

it('every route is one that the next tests know how to ask', () => {
  expect(routes().filter((route) => !isKnown(route))).toEqual([])
})

it.each(kindsOfPeople)('%s hears on every route what the table says', async (kind) => {
  const heard: Record<string, string> = {}
  const expected: Record<string, string> = {}
  for (const route of routes()) {
    const name = `${route.method} ${route.url}`
    heard[name] = await askRoute(scene, route, people[kind])
    expected[name] = expectedAnswer(route, rowOf(route.right ?? route.access ?? '')?.[kind])
  }

  expect(heard).toEqual(expected)
})

it.each(kindsOfPeople)('%s hears of a confidential document what the table says', async (kind) => {
  const { authorization, place } = people[kind]
  const ofConfidential = routes().filter(({ url: path }) => path.includes('/documents/:id'))
  const heard: Record<string, string> = {}
  const expected: Record<string, string> = {}
  for (const route of ofConfidential) {
    const name = `${route.method} ${route.url}`
    heard[name] = await askRoute(scene, route, {
      authorization,
      place: { ...place, documentId: place.confidentialId },
    })
    expected[name] = expectedAnswer(route, rowOf(`${route.right}, confidential`)?.[kind])
  }

  expect(ofConfidential.length).toBeGreaterThan(0)
  expect(heard).toEqual(expected)
})

function rowOf(name: string): Record<string, string> | undefined {
  return new Map<string, Record<string, string>>(Object.entries(expectedAnswers)).get(name)
}

function expectedAnswer(route: ServedRoute, answer: string | undefined): string {
  if (answer === undefined) return 'the table has no answer'
  if (answer === 'ok') return answerOfThoseLetIn(route)
  const { status } = errorTable[answer as ErrorCode] // the table holds codes and "ok" alone
  return route.method === 'HEAD' ? String(status) : `${status} ${answer}`
}
