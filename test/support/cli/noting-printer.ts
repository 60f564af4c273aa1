import type { Printer } from '../../../src/cli/printing/printer.ts'

/** What is said to people and answered to machines is kept. */
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
