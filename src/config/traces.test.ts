import { readFileSync } from 'node:fs'

import { expect, test } from 'vitest'

import { readTraces } from './traces.ts'

const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' }

test('traces are off without an endpoint, and when a variable disables them', () => {
  expect(readTraces({})).toBeUndefined()
  expect(readTraces({ OTEL_EXPORTER_OTLP_ENDPOINT: ' ' })).toBeUndefined()
  expect(readTraces({ ...endpoint, OTEL_SDK_DISABLED: 'TRUE' })).toBeUndefined()
  expect(readTraces({ ...endpoint, OTEL_TRACES_EXPORTER: 'none' })).toBeUndefined()
})

test('with only an endpoint, every trace is sampled unless its caller decided otherwise', () => {
  expect(readTraces(endpoint)).toEqual({
    url: 'http://collector:4318/v1/traces',
    headers: {},
    timeoutMs: 10_000,
    intervalMs: 5000,
    attributes: { 'service.name': 'paniq-documents' },
    share: 1,
    followsCallers: true,
  })
})

test('the address for traces is used unchanged', () => {
  const traces = { ...endpoint, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'https://collector.example/in' }
  expect(readTraces(traces)?.url).toBe('https://collector.example/in')
  expect(readTraces({ OTEL_EXPORTER_OTLP_ENDPOINT: 'https://c.example/a/' })?.url).toBe('https://c.example/a/v1/traces')
})

test('headers, names and attributes are parsed as OpenTelemetry specifies', () => {
  expect(
    readTraces({
      ...endpoint,
      OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Basic%20YTpi, x-team = docs',
      OTEL_RESOURCE_ATTRIBUTES: 'service.name=documents,deployment.environment.name=live',
    }),
  ).toMatchObject({
    headers: { authorization: 'Basic YTpi', 'x-team': 'docs' },
    attributes: { 'service.name': 'documents', 'deployment.environment.name': 'live' },
  })
  expect(
    readTraces({ ...endpoint, OTEL_RESOURCE_ATTRIBUTES: 'service.name=documents', OTEL_SERVICE_NAME: 'documents' })
      ?.attributes,
  ).toEqual({ 'service.name': 'documents' })
})

test.each([
  ['always_on', undefined, { share: 1, followsCallers: false }],
  ['always_off', undefined, { share: 0, followsCallers: false }],
  ['traceidratio', '0.25', { share: 0.25, followsCallers: false }],
  ['parentbased_traceidratio', '0.1', { share: 0.1, followsCallers: true }],
  ['parentbased_always_off', undefined, { share: 0, followsCallers: true }],
])('the sampler %s with %s', (sampler, argument, expected) => {
  const traces = readTraces({ ...endpoint, OTEL_TRACES_SAMPLER: sampler, OTEL_TRACES_SAMPLER_ARG: argument })
  expect(traces).toMatchObject(expected)
})

test.each([
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4318' }, /^OTEL_EXPORTER_OTLP_ENDPOINT: its value must be an http/],
  [{ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'x' }, /^OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: its value must be/],
  [{ ...endpoint, OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' }, /^OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" must be http\/json/],
  [{ ...endpoint, OTEL_EXPORTER_OTLP_HEADERS: 'secret' }, /^OTEL_EXPORTER_OTLP_HEADERS: its value must be pairs/],
  [{ ...endpoint, OTEL_EXPORTER_OTLP_HEADERS: 'a=%' }, /^OTEL_EXPORTER_OTLP_HEADERS: its value must be pairs/],
  [{ ...endpoint, OTEL_EXPORTER_OTLP_TIMEOUT: '10s' }, /^OTEL_EXPORTER_OTLP_TIMEOUT: "10s" must be a number/],
  [{ ...endpoint, OTEL_TRACES_SAMPLER: 'often' }, /^OTEL_TRACES_SAMPLER: "often" must be always_on/],
  [
    { ...endpoint, OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '2' },
    /^OTEL_TRACES_SAMPLER_ARG: "2" must be a share/,
  ],
])('a wrong value stops the start with a message of one line without secrets: %j', (environment, line) => {
  expect(() => readTraces(environment)).toThrow(line)
  expect(() => readTraces(environment)).not.toThrow('secret must')
})

test('docs/configuration.md lists every variable that is read, and no other', () => {
  const read = new Set<string>()
  const environment = new Proxy<Record<string, string | undefined>>(endpoint, {
    get(target, name) {
      read.add(String(name))
      return target[String(name)]
    },
  })
  readTraces(environment)
  const page = readFileSync(new URL('../../docs/configuration.md', import.meta.url), 'utf8')
  const rows = page.split('\n').filter((line) => line.startsWith('| `OTEL_'))
  const written = rows.flatMap((row) => [...(row.split('|')[1] ?? '').matchAll(/OTEL_\w+/g)].map(([name]) => name))

  expect(written.toSorted()).toEqual([...read].toSorted())
})
