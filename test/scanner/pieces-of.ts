/** A file's bytes in chunks, as over a network. */
export async function* piecesOf(bytes: Uint8Array, length = 100_000): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += length) yield bytes.subarray(start, start + length)
}
