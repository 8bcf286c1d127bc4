import { secretsError } from './errors.ts'

/**
 * The secret of shares made by Shamir's scheme over GF(2^8) with the field of AES, each share being one byte a byte of the secret and its
 * x coordinate last (HashiCorp Vault's format, which SOPS uses for key groups).
 *
 * @throws EngineError `sops-no-data-key` for shares that do not belong together.
 */
export function combineShares(shares: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const [first] = shares
  if (first === undefined || shares.length < 2 || first.length < 2)
    throw unusable('at least two shares of two bytes are needed')
  if (shares.some((share) => share.length !== first.length)) throw unusable('they have different lengths')
  const xs = shares.map((share) => share.at(-1) ?? 0)
  if (new Set(xs).size !== xs.length) throw unusable('one share occurs twice')
  const { exp, log } = fieldTables()
  const multiply = (a: number, b: number): number =>
    a === 0 || b === 0 ? 0 : (exp[((log[a] ?? 0) + (log[b] ?? 0)) % 255] ?? 0)
  const divide = (a: number, b: number): number =>
    a === 0 ? 0 : (exp[((log[a] ?? 0) - (log[b] ?? 0) + 255) % 255] ?? 0)
  // The weight of a share at x = 0: the product of x_j / (x_j - x_i) over the other shares; minus is xor here.
  const weights = xs.map((x, i) =>
    xs.reduce((product, other, j) => (i === j ? product : multiply(product, divide(other, other ^ x))), 1),
  )
  return Uint8Array.from({ length: first.length - 1 }, (_, at) =>
    shares.reduce((sum, share, i) => sum ^ multiply(share[at] ?? 0, weights[i] ?? 0), 0),
  )
}

/** Powers and logarithms of the generator 3 modulo x^8 + x^4 + x^3 + x + 1. */
function fieldTables(): { readonly exp: Uint8Array; readonly log: Uint8Array } {
  const exp = new Uint8Array(255)
  const log = new Uint8Array(256)
  for (let i = 0, x = 1; i < 255; i++) {
    exp[i] = x
    log[x] = i
    x ^= (x << 1) ^ (x & 0x80 ? 0x11b : 0)
  }
  return { exp, log }
}

function unusable(why: string) {
  return secretsError('sops-no-data-key', `the parts of the data key cannot be put together: ${why}`)
}
