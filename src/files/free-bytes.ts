/**
 * Frees the memory of a chunk that nobody reads any more. The collector would wait until 64 MiB of such chunks are unused. A
 * chunk that shares its memory stays.
 */
export function freeBytes({ buffer, length }: Buffer): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === length) buffer.transfer(0)
}
