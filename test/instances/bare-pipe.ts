// The baseline: a server that reads every body to its end, discards it and answers 201.
import { createServer } from 'node:http'

const server = createServer((incoming, answer) => {
  incoming.resume().once('end', () => answer.writeHead(201).end())
})
server.listen(Number(process.env['PORT']), '127.0.0.1', () => {
  process.stderr.write(`The bare pipe answers at http://127.0.0.1:${process.env['PORT']}\n`)
})
process.once('SIGTERM', () => process.exit())
