import { styleText } from 'node:util'

type Style = Parameters<typeof styleText>[0]

/** Where a command's answer goes: lines for people, coloured on a terminal, or one JSON object for machines. */
export type Printer = {
  readonly isJson: boolean
  /** A line for people; nothing where machines read. */
  say(line: string): void
  /** The whole answer for machines; nothing where people read. */
  answer(object: object): void
  paint(style: Style, text: string): string
}

export function makePrinter(isJson: boolean, stream: NodeJS.WriteStream = process.stdout): Printer {
  return {
    isJson,
    say(line) {
      if (!isJson) stream.write(`${line}\n`)
    },
    answer(object) {
      if (isJson) stream.write(`${JSON.stringify(object)}\n`)
    },
    // styleText itself leaves the colours out where the stream is no terminal or NO_COLOR is set.
    paint: (style, text) => styleText(style, text, { stream }),
  }
}
