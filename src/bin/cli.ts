import { readFile } from 'node:fs/promises'
import { parseEnv } from 'node:util'

import { openApp } from '../app.ts'
import { loadConfig } from '../config.ts'
import { makeLogger } from '../logger.ts'
import { buildApi, serve } from './api.ts'

const file = await readFile('.env', 'utf8').catch(() => '')
const config = loadConfig({ ...parseEnv(file), ...process.env })
const log = makeLogger({ level: config.logLevel, isTerminal: process.stdout.isTTY })
const app = await openApp(config, log)
const address = await serve(app, await buildApi(app))
console.log(`Paniq Documents listens on ${address}`)
