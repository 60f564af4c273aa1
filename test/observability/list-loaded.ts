import { registerHooks } from 'node:module'

// A program: prints the packages that a service with these settings loads, as JSON on standard output.
const [endpoint] = process.argv.slice(2)
const specifiers: string[] = []
registerHooks({
  resolve(specifier, context, next) {
    specifiers.push(specifier)
    return next(specifier, context)
  },
})
const { loadConfig } = await import('../../src/config/load-config.ts')
const { createLogger } = await import('../../src/logging/logger.ts')
const { openApp } = await import('../../src/app.ts')
await import('../../src/bin/serve.ts')
const config = loadConfig({
  DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none',
  JWT_SECRET_KEY: 'a secret for tests that nobody else has',
  OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
})
// It stops at the database, after all modules are loaded.
await openApp(config, createLogger({ level: 'silent', isTerminal: false })).catch(() => undefined)
// prom-client loads the bare API, which does nothing.
const telemetry = specifiers.filter((each) => /^@opentelemetry\/(?!api$)/.test(each)).length
process.stdout.write(JSON.stringify({ telemetry, all: specifiers.length }))
process.exit(0)
