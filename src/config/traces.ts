import { ConfigError } from '../errors/app-error.ts'

type Environment = Record<string, string | undefined>

export type TracesConfig = {
  /** Where spans are sent. */
  url: string
  headers: Record<string, string>
  timeoutMs: number
  intervalMs: number
  /** Attributes of the process: `service.name` and those of the operator. */
  attributes: Record<string, string>
  /** The share of traces to sample, unless the caller decided. */
  share: number
  /** Whether the sampling decision of a caller, in `traceparent`, applies. */
  followsCallers: boolean
}

/**
 * Reads the environment variables of OpenTelemetry for traces; undefined unless an endpoint is set. The service ignores
 * variables that are not named here.
 */
export function readTraces(environment: Environment): TracesConfig | undefined {
  const given = (name: string) => environment[name]?.trim() || undefined
  const ofTraces = (name: string) => given(`OTEL_EXPORTER_OTLP_TRACES_${name}`) ?? given(`OTEL_EXPORTER_OTLP_${name}`)
  const isOff = given('OTEL_SDK_DISABLED')?.toLowerCase() === 'true' || given('OTEL_TRACES_EXPORTER') === 'none'
  const url = addressOf(given)
  if (isOff || url === undefined) return undefined

  requireHttp(ofTraces('PROTOCOL'))
  return {
    url,
    headers: pairsOf(ofTraces('HEADERS'), 'OTEL_EXPORTER_OTLP_HEADERS'),
    timeoutMs: numberOf(ofTraces('TIMEOUT'), 'OTEL_EXPORTER_OTLP_TIMEOUT') ?? 10_000,
    intervalMs: numberOf(given('OTEL_BSP_SCHEDULE_DELAY'), 'OTEL_BSP_SCHEDULE_DELAY') ?? 5000,
    attributes: {
      'service.name': 'paniq-documents',
      ...pairsOf(given('OTEL_RESOURCE_ATTRIBUTES'), 'OTEL_RESOURCE_ATTRIBUTES'),
      ...serviceNameOf(given('OTEL_SERVICE_NAME')),
    },
    ...samplerOf(given('OTEL_TRACES_SAMPLER') ?? 'parentbased_always_on', given('OTEL_TRACES_SAMPLER_ARG')),
  }
}

function serviceNameOf(name: string | undefined): Record<string, string> {
  return name === undefined ? {} : { 'service.name': name }
}

/** The address for traces is used as it is; `/v1/traces` is appended to the general one. */
function addressOf(given: (name: string) => string | undefined): string | undefined {
  const whole = given('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT')
  const base = given('OTEL_EXPORTER_OTLP_ENDPOINT')
  const name = whole === undefined ? 'OTEL_EXPORTER_OTLP_ENDPOINT' : 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'
  const address = whole ?? base?.replace(/\/*$/, '/v1/traces')
  if (address === undefined) return undefined
  if (/^https?:$/.test(URL.parse(address)?.protocol ?? '')) return address
  // Not printed: an address may contain a password.
  throw new ConfigError(`${name}: its value must be an http:// or https:// address.`)
}

function requireHttp(protocol: string | undefined): void {
  // A collector that accepts protobuf over HTTP accepts JSON too.
  if (protocol === undefined || protocol === 'http/json' || protocol === 'http/protobuf') return
  throw new ConfigError(
    `OTEL_EXPORTER_OTLP_PROTOCOL: ${JSON.stringify(protocol)} must be http/json; spans go over HTTP, mostly to port 4318.`,
  )
}

/** `a=1,b=2`, percent-encoded. */
function pairsOf(text: string | undefined, name: string): Record<string, string> {
  const pairs = (text ?? '').split(',').filter((pair) => pair.trim() !== '')
  return Object.fromEntries(
    pairs.map((pair) => {
      const [key = '', ...value] = pair.split('=')
      if (key.trim() === '' || value.length === 0) throw wrongPairs(name)
      return [key.trim(), unescaped(value.join('=').trim(), name)]
    }),
  )
}

function unescaped(value: string, name: string): string {
  try {
    return decodeURIComponent(value)
  } catch (error) {
    throw wrongPairs(name, error)
  }
}

function wrongPairs(name: string, cause?: unknown): ConfigError {
  return new ConfigError(`${name}: its value must be pairs such as key=value, separated by commas.`, { cause })
}

function numberOf(text: string | undefined, name: string): number | undefined {
  if (text === undefined || /^[1-9]\d{0,8}$/.test(text)) return text === undefined ? undefined : Number(text)
  throw new ConfigError(`${name}: ${JSON.stringify(text)} must be a number of milliseconds.`)
}

const samplers = ['always_on', 'always_off', 'traceidratio']

function samplerOf(name: string, argument: string | undefined): Pick<TracesConfig, 'share' | 'followsCallers'> {
  const followsCallers = name.startsWith('parentbased_')
  const kind = name.replace('parentbased_', '')
  if (!samplers.includes(kind))
    throw new ConfigError(
      `OTEL_TRACES_SAMPLER: ${JSON.stringify(name)} must be ${samplers.join(', ')}, or one of these after parentbased_.`,
    )
  if (kind !== 'traceidratio') return { share: kind === 'always_on' ? 1 : 0, followsCallers }
  const share = Number(argument ?? '1')
  if (share >= 0 && share <= 1) return { share, followsCallers }
  throw new ConfigError(`OTEL_TRACES_SAMPLER_ARG: ${JSON.stringify(argument)} must be a share from 0 to 1.`)
}
