import { GoInt } from '../int.ts'
import type { Value } from '../value.ts'
import { typeName } from '../value.ts'
import { noFlags, type Flags } from './flags.ts'
import { formatArgument, type Meter } from './print.ts'

// Larger widths and precisions are refused, as in Go.
const MAX_NUMBER = 1_000_000

/** Go's fmt.Sprintf, with its notices for wrong verbs, missing and extra operands. */
export function sprintf(format: string, args: readonly Value[], meter: Meter): string {
  const printer = new FormatReader(format, args, meter)
  return printer.run()
}

class FormatReader {
  private readonly format: string
  private readonly args: readonly Value[]
  private readonly meter: Meter
  private at = 0
  private argument = 0
  private isReordered = false
  private isGoodIndex = true
  private isAfterIndex = false
  private out = ''

  constructor(format: string, args: readonly Value[], meter: Meter) {
    this.format = format
    this.args = args
    this.meter = meter
  }

  run(): string {
    const { format } = this
    while (this.at < format.length) {
      const percent = format.indexOf('%', this.at)
      if (percent === -1) {
        this.out += format.slice(this.at)
        break
      }
      this.out += format.slice(this.at, percent)
      this.at = percent + 1
      this.directive()
    }
    if (!this.isReordered && this.argument < this.args.length) this.extra()
    return this.out
  }

  private extra(): void {
    const rest = this.args.slice(this.argument).map((arg) => {
      if (arg === null || arg === undefined) return '<nil>'
      return `${typeName(arg)}=${formatArgument(arg, 'v', noFlags(), this.meter)}`
    })
    this.out += `%!(EXTRA ${rest.join(', ')})`
  }

  private directive(): void {
    this.isGoodIndex = true
    this.isAfterIndex = false
    const flags = this.readFlags()
    this.readIndex()
    this.readWidth(flags)
    this.readPrecision(flags)
    if (!this.isAfterIndex) this.readIndex()
    if (this.at >= this.format.length) {
      this.out += '%!(NOVERB)'
      return
    }
    const verb = String.fromCodePoint(this.format.codePointAt(this.at)!)
    this.at += verb.length
    if (verb === '%') this.out += '%'
    else if (!this.isGoodIndex) this.out += `%!${verb}(BADINDEX)`
    else if (this.argument >= this.args.length) this.out += `%!${verb}(MISSING)`
    else this.operand(verb, flags)
  }

  private operand(verb: string, flags: Flags): void {
    if (verb === 'v' || verb === 'w') {
      flags.sharpV = flags.sharp
      flags.plusV = flags.plus
      flags.sharp = false
      flags.plus = false
    }
    const text = formatArgument(this.args[this.argument++], verb, flags, this.meter)
    this.meter.allocate(text.length)
    this.out += text
  }

  private readFlags(): Flags {
    const flags = noFlags()
    for (; ; this.at++) {
      switch (this.format[this.at]) {
        case '#':
          flags.sharp = true
          break
        case '0':
          flags.zero = true
          break
        case '+':
          flags.plus = true
          break
        case '-':
          flags.minus = true
          break
        case ' ':
          flags.space = true
          break
        default:
          return flags
      }
    }
  }

  /** An explicit operand number such as `[2]`. */
  private readIndex(): void {
    this.isAfterIndex = false
    if (this.format[this.at] !== '[') return
    this.isReordered = true
    const close = this.format.indexOf(']', this.at)
    if (close === -1 || this.format.length - this.at < 3) {
      this.at++
      this.isGoodIndex = false
      return
    }
    const text = this.format.slice(this.at + 1, close)
    this.at = close + 1
    const index = /^\d+$/.test(text) && Number(text) <= MAX_NUMBER * 10 ? Number(text) - 1 : undefined
    this.isAfterIndex = index !== undefined
    if (index === undefined || index < 0 || index >= this.args.length) this.isGoodIndex = false
    else this.argument = index
  }

  private readNumber(): number | undefined {
    let number: number | undefined
    for (; ; this.at++) {
      const digit = this.format.charCodeAt(this.at) - 48
      if (!(digit >= 0 && digit <= 9)) return number
      if ((number ?? 0) > MAX_NUMBER) {
        // Go gives up on the rest of the format.
        this.at = this.format.length
        return undefined
      }
      number = (number ?? 0) * 10 + digit
    }
  }

  private takeInteger(): number | undefined {
    if (this.argument >= this.args.length) return undefined
    const arg = this.args[this.argument++]
    if (!(arg instanceof GoInt)) return undefined
    const n = arg.toNumber()
    return Math.abs(n) > MAX_NUMBER ? undefined : n
  }

  private readWidth(flags: Flags): void {
    if (this.format[this.at] !== '*') {
      flags.width = this.readNumber()
      if (this.isAfterIndex && flags.width !== undefined) this.isGoodIndex = false
      return
    }
    this.at++
    flags.width = this.takeInteger()
    if (flags.width === undefined) this.out += '%!(BADWIDTH)'
    else if (flags.width < 0) {
      flags.width = -flags.width
      flags.minus = true
      flags.zero = false
    }
    this.isAfterIndex = false
  }

  private readPrecision(flags: Flags): void {
    if (this.format[this.at] !== '.' || this.at + 1 >= this.format.length) return
    this.at++
    if (this.isAfterIndex) this.isGoodIndex = false
    this.readIndex()
    if (this.format[this.at] !== '*') {
      flags.precision = this.readNumber() ?? 0
      return
    }
    this.at++
    const precision = this.takeInteger()
    if (precision === undefined || precision < 0) this.out += '%!(BADPREC)'
    else flags.precision = precision
    this.isAfterIndex = false
  }
}
