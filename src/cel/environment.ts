import { Environment } from '@marcbachmann/cel-js'
import { RE2JS } from 're2js'
import { EngineError } from '../base/index.ts'
import { safeMatches } from './rewrite.ts'

/** Owners of functions that are called as `sets.contains(a, b)`: the library knows receivers only. */
class Sets {}
class Base64 {}
class Strings {}

/**
 * The library's environment with what cel-go has besides: RE2, the rest of the strings extension, sets, encoders, and equality across numeric
 * types.
 */
export function createEnvironment(variables: readonly string[] | undefined, limits: object): Environment {
  const environment = new Environment({
    unlistedVariablesAreDyn: variables === undefined,
    homogeneousAggregateLiterals: true,
    enableOptionalTypes: true,
    limits,
  })
  for (const name of variables ?? []) environment.registerVariable(name, 'dyn')
  environment.registerFunction(`string.${safeMatches}(string): bool`, matches)
  environment.registerFunction('matches(string, string): bool', matches)
  addStrings(environment)
  addNamespaces(environment)
  for (const [a, b] of [
    ['int', 'double'],
    ['uint', 'int'],
    ['uint', 'double'],
  ] as const) {
    try {
      environment.registerOperator(`${a} == ${b}`, (left: unknown, right: unknown) => sameNumber(left, right))
    } catch {
      // A version of the library that has it already.
      continue
    }
  }
  return environment
}

function matches(text: string, pattern: string): boolean {
  try {
    return RE2JS.compile(pattern).matcher(text).find()
  } catch {
    throw new EngineError(`invalid regular expression: ${pattern.slice(0, 200)}`, { code: 'cel-bad-pattern' })
  }
}

function addStrings(environment: Environment): void {
  const add = (signature: string, handler: (...args: never[]) => unknown): void =>
    void environment.registerFunction(signature, handler as (...args: unknown[]) => unknown)
  add('string.charAt(int): string', (text: string, at: bigint) => Array.from(text)[Number(at)] ?? '')
  add('string.reverse(): string', (text: string) => Array.from(text).toReversed().join(''))
  add('string.replace(string, string): string', (text: string, from: string, to: string) => replace(text, from, to, -1))
  add('string.replace(string, string, int): string', (text: string, from: string, to: string, count: bigint) =>
    replace(text, from, to, Number(count)),
  )
}

/** Go's strings.Replace: at most `count` times, all of them where it is negative. */
function replace(text: string, from: string, to: string, count: number): string {
  if (count < 0) return text.replaceAll(from, () => to)
  let result = ''
  let rest = text
  for (let done = 0; done < count; done++) {
    const at = rest.indexOf(from)
    if (at < 0) break
    result += rest.slice(0, at) + to
    rest = rest.slice(at + from.length)
  }
  return result + rest
}

function addNamespaces(environment: Environment): void {
  environment.registerType('Sets', Sets).registerConstant('sets', 'Sets', new Sets())
  const contains = (list: readonly unknown[], wanted: unknown): boolean => list.some((item) => sameValue(item, wanted))
  const all = (list: readonly unknown[], wanted: readonly unknown[]): boolean =>
    wanted.every((item) => contains(list, item))
  environment.registerFunction('Sets.contains(list, list): bool', (_sets: Sets, a: unknown[], b: unknown[]) =>
    all(a, b),
  )
  environment.registerFunction(
    'Sets.equivalent(list, list): bool',
    (_sets: Sets, a: unknown[], b: unknown[]) => all(a, b) && all(b, a),
  )
  environment.registerFunction('Sets.intersects(list, list): bool', (_sets: Sets, a: unknown[], b: unknown[]) =>
    b.some((item) => contains(a, item)),
  )
  environment.registerType('Base64', Base64).registerConstant('base64', 'Base64', new Base64())
  environment.registerFunction('Base64.encode(bytes): string', (_base64: Base64, bytes: Uint8Array) => encode(bytes))
  environment.registerFunction('Base64.decode(string): bytes', (_base64: Base64, text: string) =>
    Uint8Array.from(atob(text), (char) => char.charCodeAt(0)),
  )
  environment.registerType('Strings', Strings).registerConstant('strings', 'Strings', new Strings())
  environment.registerFunction('Strings.quote(string): string', (_strings: Strings, text: string) =>
    JSON.stringify(text),
  )
}

function encode(bytes: Uint8Array): string {
  let binary = ''
  for (const byte of bytes) binary += String.fromCharCode(byte)
  return btoa(binary)
}

function sameNumber(a: unknown, b: unknown): boolean {
  return Number(a) === Number(b)
}

/** Equality of values of lists, across numeric types. */
function sameValue(a: unknown, b: unknown): boolean {
  const isNumber = (value: unknown): boolean => typeof value === 'number' || typeof value === 'bigint'
  if (isNumber(a) && isNumber(b)) return sameNumber(a, b)
  if (Array.isArray(a) && Array.isArray(b))
    return a.length === b.length && a.every((item, index) => sameValue(item, b[index]))
  if (typeof a === 'object' && typeof b === 'object' && a !== null && b !== null) {
    const keys = Object.keys(a)
    return (
      keys.length === Object.keys(b).length &&
      keys.every((key) => Object.hasOwn(b, key) && sameValue(a[key as never], b[key as never]))
    )
  }
  return a === b
}
