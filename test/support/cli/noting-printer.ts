import type { Printer } from '../../../src/cli/printing/printer.ts'

/** Records the output for people and the JSON output. */
export function notingPrinter(): { print: Printer; said: string[]; answers: object[] } {
  const [said, answers]: [string[], object[]] = [[], []]
  const print: Printer = {
    isJson: false,
    text: (line) => void said.push(line),
    json: (object) => void answers.push(object),
    paint: (_, text) => text,
    mark: (isRight) => (isRight === 'note' ? '!' : isRight ? '✓' : '✗'),
  }
  return { print, said, answers }
}
