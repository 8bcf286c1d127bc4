import { EngineError } from '../../base/index.ts'
import { matchingPrefixes } from './glob.ts'
import { type Expansion, type Node, parseExpansions } from './parse.ts'

/** Operators that give a default for an undefined variable. */
const DEFAULTS: ReadonlySet<string> = new Set(['=', ':=', ':-', ':?', ':+'])

/** Largest text that an expansion may make, in characters. */
const MAX_LENGTH = 32 * 1024 * 1024

/**
 * Expands `${…}` in `text` (fluxcd/pkg envsubst). `lookup` gives the value of a variable; undefined is an error
 * (`substitution-variable-missing`) unless the expression has a default. Defaults apply to empty values too, and `:?` and `:+` are defaults
 * like `:-`, unlike in a shell.
 */
export function expandVariables(text: string, lookup: (name: string) => string | undefined): string {
  return evaluate(parseExpansions(text), lookup)
}

function evaluate(nodes: readonly Node[], lookup: (name: string) => string | undefined): string {
  const result = nodes.map((node) => (typeof node === 'string' ? node : expand(node, lookup))).join('')
  if (result.length > MAX_LENGTH)
    throw new EngineError('the expanded text is too large', { code: 'substitution-too-large' })
  return result
}

function expand(node: Expansion, lookup: (name: string) => string | undefined): string {
  // Arguments come first: an undefined variable in a default is an error even where the default is not needed.
  const args = node.args.map((arg) => evaluate(arg, lookup))
  const value = lookup(node.name)
  if (value === undefined && !DEFAULTS.has(node.operator)) {
    throw new EngineError(
      `variable not set (strict mode): ${JSON.stringify(node.name)}; set it, or give a default with \${${node.name}:-…}`,
      {
        code: 'substitution-variable-missing',
        data: { variable: node.name },
      },
    )
  }
  return apply(node.operator, value ?? '', args)
}

function apply(operator: string, value: string, args: readonly string[]): string {
  const [first = '', second] = args
  switch (operator) {
    case '#length':
      return String(new TextEncoder().encode(value).length)
    case ',':
      return changeFirst(value, (character) => character.toLowerCase())
    case ',,':
      return value.toLowerCase()
    case '^':
      return changeFirst(value, (character) => character.toUpperCase())
    case '^^':
      return value.toUpperCase()
    case ':':
      return substring(value, first, second)
    case '/':
      return value.replace(first, () => second ?? '')
    case '//':
      return value.replaceAll(first, () => second ?? '')
    case '/#':
      return second !== undefined && value.startsWith(first) ? second + value.slice(first.length) : value
    case '/%':
      return second !== undefined && value.endsWith(first)
        ? value.slice(0, value.length - first.length) + second
        : value
    case '#':
    case '##':
      return trimPrefix(Array.from(value), first, operator === '##').join('')
    case '%':
    case '%%':
      return trimPrefix(Array.from(value).toReversed(), Array.from(first).toReversed().join(''), operator === '%%')
        .toReversed()
        .join('')
    default:
      return value === '' ? args.join('') : value
  }
}

function changeFirst(value: string, change: (character: string) => string): string {
  const [first = '', ...rest] = value
  return change(first) + rest.join('')
}

/** Counted in bytes, as in Go. Anything that is no integer gives the whole value. */
function substring(value: string, offset: string, count: string | undefined): string {
  const integer = /^[+-]?\d+$/
  if (!integer.test(offset) || (count !== undefined && !integer.test(count))) return value
  const bytes = new TextEncoder().encode(value)
  const start = Number(offset) < 0 ? Math.max(bytes.length + Number(offset), 0) : Number(offset)
  let end = bytes.length
  if (count !== undefined) end = Number(count) < 0 ? bytes.length + Number(count) : start + Number(count)
  return end < start ? '' : new TextDecoder().decode(bytes.slice(start, end))
}

/** Removes the shortest or longest prefix, of at least one character, that the pattern fits. */
function trimPrefix(characters: readonly string[], pattern: string, longest: boolean): string[] {
  const lengths = matchingPrefixes(characters, pattern)
  return characters.slice((longest ? lengths?.at(-1) : lengths?.[0]) ?? 0)
}
