import { DiagnosticsError } from '../base/index.ts'
import type { Value } from '../template/index.ts'
import { parseYaml } from '../yaml/index.ts'
import { helmError } from './errors.ts'

/**
 * The value of a text, read as sigs.k8s.io/yaml does, with that library's words for what is wrong: `error converting YAML to JSON: yaml: line 2: …`.
 *
 * @throws EngineError `yaml-invalid`.
 */
export function readYaml(text: string): Value {
  try {
    return parseYaml(text, { dialect: 'sigs', maps: true })
  } catch (error) {
    if (!(error instanceof DiagnosticsError)) throw error
    const [first] = error.diagnostics
    const reason = goReason(text, first?.message ?? error.message, first?.line ?? 0, first?.column ?? 0)
    throw helmError('yaml-invalid', `error converting YAML to JSON: ${reason}`, { cause: error })
  }
}

/**
 * go-yaml's message for one of the parser's. Its scanner counts lines from 1, its parser from 0 and leaves the first one out. Where there is no
 * word of go-yaml for it, the message stays as it is, with its line.
 */
function goReason(text: string, message: string, line: number, column: number): string {
  if (message.startsWith('json: ') || message.startsWith('unsupported map key')) return message
  if (message.startsWith('unknown anchor')) return `yaml: ${message}`
  if (/control|null byte|non-printable/.test(message)) return 'yaml: control characters are not allowed'
  const lines = text.replace(/\n$/, '').split('\n')
  if (/within a (?:single|double) quoted scalar/.test(message))
    return `yaml: line ${lines.length + 1}: found unexpected end of stream`
  if (/within a flow collection/.test(message)) {
    const last = text.trimEnd().at(-1) ?? ''
    const close = text.lastIndexOf('{') > text.lastIndexOf('[') ? '}' : ']'
    const missing = last === '[' || last === ',' ? 'node content' : `',' or '${close}'`
    return `yaml: line ${lines.length}: did not find expected ${missing}`
  }
  const scanned = scannerReason(message, (lines[line - 1] ?? '').slice(Math.max(0, column - 1)))
  if (scanned !== undefined) return `yaml: line ${line}: ${scanned}`
  const parsed = message === 'bad indentation of a mapping entry' ? 'did not find expected key' : message
  return line > 1 ? `yaml: line ${line - 1}: ${parsed}` : `yaml: ${parsed}`
}

function scannerReason(message: string, rest: string): string | undefined {
  if (/escape/.test(message)) return 'found unknown escape character'
  if (/tab characters/.test(message)) return 'found character that cannot start any token'
  if (message.startsWith('can not read a block mapping entry')) return "could not find expected ':'"
  if (message !== 'bad indentation of a mapping entry') return undefined
  if (/^[@`]/.test(rest)) return 'found character that cannot start any token'
  if (/^-\s/.test(rest)) return 'block sequence entries are not allowed in this context'
  return /^\s*:(?:\s|$)/.test(rest) ? 'mapping values are not allowed in this context' : undefined
}
