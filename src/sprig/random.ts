import {
  fromRunes,
  FunctionError,
  goFunction,
  goInt,
  INT,
  STRING,
  toRunes,
  type GoFunction,
  type Run,
} from '../template/index.ts'
import { encodeBase64 } from './encoding.ts'

const DIGITS = '0123456789'
const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const PRINTABLE = Array.from({ length: 95 }, (_, i) => String.fromCharCode(32 + i)).join('')

/** A number from 0 up to below `bound`, without bias. */
export function randomBelow(run: Run, bound: number): number {
  const width = bound > 0x1_0000_0000 ? 6 : 4
  const span = 2 ** (8 * width)
  const limit = span - (span % bound)
  for (;;) {
    run.step()
    let n = 0
    for (const byte of run.environment.randomBytes(width)) n = n * 256 + byte
    if (n < limit) return n % bound
  }
}

function randomText(run: Run, count: number, alphabet: string): string {
  // compat(sprig): a negative count is an error that is dropped.
  if (count <= 0) return ''
  run.allocate(count * 8)
  const limit = 256 - (256 % alphabet.length)
  let out = ''
  while (out.length < count) {
    run.step()
    for (const byte of run.environment.randomBytes(Math.min(count - out.length + 8, 1024))) {
      if (byte < limit && out.length < count) out += alphabet[byte % alphabet.length]!
    }
  }
  return out
}

function text(name: string, alphabet: string): GoFunction {
  return goFunction(name, [INT], (run, count) => randomText(run, count.toNumber(), alphabet))
}

function shuffle(run: Run, value: string): string {
  const runes = toRunes(value)
  run.allocate(runes.length * 8)
  for (let i = runes.length - 1; i > 0; i--) {
    const j = randomBelow(run, i + 1)
    const held = runes[i]!
    runes[i] = runes[j]!
    runes[j] = held
  }
  return fromRunes(runes)
}

function uuid(run: Run): string {
  const bytes = run.environment.randomBytes(16).slice()
  bytes[6] = (bytes[6]! & 0x0f) | 0x40
  bytes[8] = (bytes[8]! & 0x3f) | 0x80
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}

/** Sprig's random values, all from the environment. */
export const randomFunctions: readonly GoFunction[] = [
  text('randAlphaNum', LETTERS + DIGITS),
  text('randAlpha', LETTERS),
  text('randNumeric', DIGITS),
  text('randAscii', PRINTABLE),
  goFunction('randBytes', [INT], (run, count) => {
    const size = count.toNumber()
    if (size < 0) throw new FunctionError('runtime error: makeslice: len out of range')
    run.allocate(size * 2)
    return encodeBase64(run.environment.randomBytes(size))
  }),
  goFunction('randInt', [INT, INT], (run, min, max) => {
    const span = max.toNumber() - min.toNumber()
    if (span <= 0) throw new FunctionError('invalid argument to Intn')
    return goInt(randomBelow(run, span) + min.toNumber())
  }),
  goFunction('shuffle', [STRING], shuffle),
  goFunction('uuidv4', [], uuid),
]
