import { sha1 } from '@noble/hashes/legacy.js'
import { sha256, sha512 } from '@noble/hashes/sha2.js'
import { bytesToHex } from '@noble/hashes/utils.js'
import { goFunction, STRING, toBytes, type GoFunction, type Run } from '../template/index.ts'

function hash(name: string, compute: (bytes: Uint8Array) => string): GoFunction {
  return goFunction(name, [STRING], (run: Run, text) => {
    run.step(text.length >>> 4)
    return compute(toBytes(text))
  })
}

function adler32(bytes: Uint8Array): string {
  let a = 1
  let b = 0
  for (const byte of bytes) {
    a = (a + byte) % 65_521
    b = (b + a) % 65_521
  }
  return String(b * 65_536 + a)
}

/** Sprig's checksums, in hexadecimal but for Adler-32. */
export const hashFunctions: readonly GoFunction[] = [
  hash('sha1sum', (bytes) => bytesToHex(sha1(bytes))),
  hash('sha256sum', (bytes) => bytesToHex(sha256(bytes))),
  hash('sha512sum', (bytes) => bytesToHex(sha512(bytes))),
  hash('adler32sum', adler32),
]
