import { LimitError } from '../errors.ts'
import { GoInt } from '../int.ts'
import { fromBytes } from '../text.ts'
import { GoComplex, GoObject, isNil, kindOf, sortedKeys, typeName, type Value } from '../value.ts'
import { noFlags, pad, truncate, type Flags } from './flags.ts'
import { formatFloat } from './float.ts'
import { formatBool, formatComplex, formatInt, formatNumber, formatString, hexBytes } from './scalars.ts'

/** Where printing counts its work; a run is one. */
export interface Meter {
  step(count?: number): void
  allocate(size: number): void
}

// Only data that contains itself is deeper, and Go would overflow its stack on that.
const MAX_PRINT_DEPTH = 500

// An address has to look like one; a real one would differ from run to run.
const ADDRESS = '0xc000012000'

/** A value as `%v` and `{{ . }}` print it. */
export function formatValue(value: Value, meter: Meter): string {
  switch (typeof value) {
    case 'string':
      return value
    case 'number':
      return Number.isSafeInteger(value) && value > -1e6 && value < 1e6 && !Object.is(value, -0)
        ? String(value)
        : formatFloat(value, 'g', -1)
    case 'boolean':
      return String(value)
    default:
  }
  if (value instanceof GoInt && value.defined === undefined) return value.toString()
  return formatArgument(value, 'v', noFlags(), meter)
}

/** Go's fmt.Sprint: a space between two operands when neither is a string. */
export function sprint(args: readonly Value[], meter: Meter): string {
  let out = ''
  for (const [i, arg] of args.entries()) {
    if (i > 0 && typeof arg !== 'string' && typeof args[i - 1] !== 'string') out += ' '
    out += formatValue(arg, meter)
  }
  return out
}

/** Go's fmt.Sprintln. */
export function sprintln(args: readonly Value[], meter: Meter): string {
  return `${args.map((arg) => formatValue(arg, meter)).join(' ')}\n`
}

/** One operand under a verb. */
export function formatArgument(arg: Value, verb: string, flags: Flags, meter: Meter): string {
  if (flags.width !== undefined || flags.precision !== undefined) {
    meter.allocate((flags.width ?? 0) + (flags.precision ?? 0))
  }
  if (arg === undefined || arg === null) {
    return verb === 'T' || verb === 'v' ? pad('<nil>', flags) : `%!${verb}(<nil>)`
  }
  if (verb === 'T') return pad(truncate(typeName(arg), flags), flags)
  if (verb === 'p') return formatAddress(arg, verb, flags, meter)
  if (verb === 'w' && typeof arg === 'object' && !(arg instanceof GoInt)) return badVerb(arg, verb, flags, meter)
  return new ValuePrinter(verb, flags, meter).print(arg, 0)
}

function formatAddress(arg: Value, verb: string, flags: Flags, meter: Meter): string {
  const kind = kindOf(arg)
  if (kind === 'map' || kind === 'slice' || kind === 'ptr' || kind === 'func')
    return flags.sharp ? ADDRESS.slice(2) : ADDRESS
  return badVerb(arg, verb, flags, meter)
}

/** `%!d(string=text)`. */
function badVerb(arg: Value, verb: string, flags: Flags, meter: Meter): string {
  return `%!${verb}(${typeName(arg)}=${new ValuePrinter('v', flags, meter, true).print(arg, 0)})`
}

class ValuePrinter {
  private readonly verb: string
  private readonly flags: Flags
  private readonly meter: Meter
  /** Inside an error notice, where String methods are not called. */
  private readonly isNotice: boolean

  constructor(verb: string, flags: Flags, meter: Meter, isNotice = false) {
    this.verb = verb
    this.flags = flags
    this.meter = meter
    this.isNotice = isNotice
  }

  print(value: Value, depth: number): string {
    this.meter.step()
    if (depth > MAX_PRINT_DEPTH)
      throw new LimitError('depth', 'the value to print is nested too deeply, or contains itself')
    const text = this.scalar(value)
    if (text !== undefined) {
      this.meter.allocate(text.length)
      return text
    }
    if (value instanceof Map) return this.map(value, depth)
    if (Array.isArray(value)) return this.list(value, depth)
    if (value instanceof GoObject) return this.object(value, depth)
    if (value === null || value === undefined) return this.flags.sharpV ? 'interface {}(nil)' : '<nil>'
    if (kindOf(value) === 'func')
      return this.verb === 'v' ? ADDRESS : formatAddress(value, this.verb, this.flags, this.meter)
    return badVerb(value, this.verb, this.flags, this.meter)
  }

  /** Everything that is no collection; undefined for collections and for verbs that do not fit. */
  private scalar(value: Value): string | undefined {
    const { verb, flags } = this
    switch (typeof value) {
      case 'string':
        return formatString(value, verb, flags)
      case 'number':
        return formatNumber(value, verb, flags)
      case 'boolean':
        return formatBool(value, verb, flags)
      default:
    }
    if (value instanceof GoInt) {
      const toText = value.defined?.toText
      if (toText !== undefined && this.takesMethods()) return formatString(toText(value), verb, flags)
      return formatInt(value, verb, flags)
    }
    if (value instanceof GoComplex) return formatComplex(value, verb, flags)
    if (value instanceof Uint8Array) return this.bytes(value)
    if (value instanceof GoObject && value.toText !== undefined && this.takesMethods()) {
      return formatString(value.toText(), verb, flags)
    }
    return undefined
  }

  private takesMethods(): boolean {
    return !this.isNotice && !this.flags.sharpV && 'vsxXq'.includes(this.verb)
  }

  private bytes(value: Uint8Array): string {
    const { verb, flags } = this
    switch (verb) {
      case 's':
      case 'q':
        return formatString(fromBytes(value), verb, flags)!
      case 'x':
      case 'X':
        return hexBytes(value, verb, flags)
      default:
    }
    const each = Array.from(value, (byte) => new GoInt('uint8', byte))
    if (verb === 'v' && flags.sharpV) {
      return `[]byte{${each.map((byte) => `0x${byte.toNumber().toString(16)}`).join(', ')}}`
    }
    const plain = verb === 'v' ? 'd' : verb
    return `[${each.map((byte) => formatInt(byte, plain, flags) ?? badVerb(byte, plain, flags, this.meter)).join(' ')}]`
  }

  private map(value: Map<string, Value>, depth: number): string {
    const { sharpV } = this.flags
    const parts: string[] = []
    for (const key of sortedKeys(value)) {
      parts.push(`${this.print(key, depth + 1)}:${this.print(value.get(key), depth + 1)}`)
    }
    return sharpV ? `${typeName(value)}{${parts.join(', ')}}` : `map[${parts.join(' ')}]`
  }

  private list(value: readonly Value[], depth: number): string {
    if (this.flags.sharpV && isNil(value as Value[])) return `${typeName(value as Value[])}(nil)`
    const parts = value.map((item) => this.print(item, depth + 1))
    return this.flags.sharpV ? `${typeName(value as Value[])}{${parts.join(', ')}}` : `[${parts.join(' ')}]`
  }

  private object(value: GoObject, depth: number): string {
    const isPointer = value.goType.startsWith('*')
    if (isPointer && depth > 0) {
      return this.flags.sharpV ? `(${value.goType})(${ADDRESS})` : ADDRESS
    }
    const { plusV, sharpV } = this.flags
    const fields = [...value.fields].map(([name, field]) => {
      const text = this.print(field, depth + (isPointer ? 2 : 1))
      return plusV || sharpV ? `${name}:${text}` : text
    })
    const body = `{${fields.join(sharpV ? ', ' : ' ')}}`
    return `${isPointer ? '&' : ''}${sharpV ? value.goType.replace('*', '') : ''}${body}`
  }
}
