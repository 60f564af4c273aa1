/** The same pieces; whoever waits hears of each that is taken. */
export async function* tellOfPieces(
  pieces: AsyncIterable<Uint8Array>,
  onPiece: () => void = () => undefined,
): AsyncGenerator<Uint8Array> {
  for await (const piece of pieces) {
    onPiece()
    yield piece
  }
}
