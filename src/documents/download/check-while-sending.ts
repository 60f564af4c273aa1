import { createHash } from 'node:crypto'
import { pipeline, type Readable, Transform, type TransformCallback } from 'node:stream'

import type { Sha256 } from '../../vocabulary/vocabulary.ts'

/** The bytes of a file differ from their stored hash. */
export class WrongBytes extends Error {
  override readonly name = 'WrongBytes'
}

/**
 * Hashes a file while it passes, and buffers its last chunk until the hash is known. If it differs from `sha256`, the stream
 * fails with `WrongBytes` after `onWrong`, so the reader never gets the end of a file that is not the stored one.
 */
export function checkWhileSending(source: Readable, sha256: Sha256, onWrong: () => Promise<unknown>): Readable {
  const checked = new CheckedBytes(sha256, onWrong)
  // `checked` fails with the source; its reader handles the error.
  pipeline(source, checked, () => undefined)
  return checked
}

class CheckedBytes extends Transform {
  readonly #hash = createHash('sha256')
  readonly #sha256: Sha256
  readonly #onWrong: () => Promise<unknown>
  #last: Buffer | undefined

  constructor(sha256: Sha256, onWrong: () => Promise<unknown>) {
    super()
    this.#sha256 = sha256
    this.#onWrong = onWrong
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.#hash.update(chunk)
    const before = this.#last
    this.#last = chunk
    done(null, before)
  }

  override _flush(done: TransformCallback): void {
    if (this.#hash.digest('hex') === this.#sha256) {
      done(null, this.#last)
      return
    }
    const fail = () => done(new WrongBytes('the bytes differ from their stored hash'))
    this.#onWrong().then(fail, fail)
  }
}
