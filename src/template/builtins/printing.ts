import { ANY, STRING, variadicFunction, type GoFunction } from '../function.ts'
import { sprint, sprintf, sprintln, type Meter } from '../fmt/index.ts'
import { isPrint, toBytes } from '../text.ts'
import type { Value } from '../value.ts'

function joined(args: readonly Value[], meter: Meter): string {
  const [only] = args
  return args.length === 1 && typeof only === 'string' ? only : sprint(args.map(shown), meter)
}

/** A nil operand is printed the way an action prints it. */
function shown(arg: Value): Value {
  return arg === null || arg === undefined ? '<no value>' : arg
}

const HTML: Readonly<Record<string, string>> = {
  '\0': '\ufffd',
  '"': '&#34;',
  "'": '&#39;',
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
}

/** Go's template.HTMLEscapeString. */
export function escapeHtml(text: string): string {
  // eslint-disable-next-line no-control-regex -- NUL is one of the characters that are replaced
  return text.replace(/["'&<>\0]/g, (ch) => HTML[ch]!)
}

const JS: Readonly<Record<string, string>> = {
  '\\': '\\\\',
  "'": "\\'",
  '"': '\\"',
  '<': '\\u003C',
  '>': '\\u003E',
  '&': '\\u0026',
  '=': '\\u003D',
}

/** Go's template.JSEscapeString. */
export function escapeJs(text: string): string {
  let out = ''
  for (const ch of text) {
    const rune = ch.codePointAt(0)!
    const known = JS[ch]
    if (known !== undefined) out += known
    else if (rune < 0x20) out += `\\u00${hex(rune, 2)}`
    else if (rune >= 0xdc80 && rune <= 0xdcff) out += '\\uFFFD'
    else out += rune < 0x80 || isPrint(rune) ? ch : `\\u${hex(rune, 4)}`
  }
  return out
}

function hex(n: number, width: number): string {
  return n.toString(16).toUpperCase().padStart(width, '0')
}

/** Go's url.QueryEscape. */
export function escapeQuery(text: string): string {
  if (/^[\w.~-]*$/.test(text)) return text
  let out = ''
  for (const byte of toBytes(text)) {
    const ch = String.fromCharCode(byte)
    if (byte === 0x20) out += '+'
    else out += byte < 0x80 && /[\w.~-]/.test(ch) ? ch : `%${hex(byte, 2)}`
  }
  return out
}

/** `print`, `printf`, `println`, `html`, `js`, `urlquery`. */
export const printingBuiltins: readonly GoFunction[] = [
  variadicFunction('print', [], ANY, (run, ...args) => sprint(args, run)),
  variadicFunction('println', [], ANY, (run, ...args) => sprintln(args, run)),
  variadicFunction('printf', [STRING], ANY, (run, format, ...args) => sprintf(format, args, run)),
  variadicFunction('html', [], ANY, (run, ...args) => escapeHtml(joined(args, run))),
  variadicFunction('js', [], ANY, (run, ...args) => escapeJs(joined(args, run))),
  variadicFunction('urlquery', [], ANY, (run, ...args) => escapeQuery(joined(args, run))),
]
