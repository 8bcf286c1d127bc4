import { baseName } from '../../base/index.ts'
import type { Loader } from '../loader.ts'
import { at, problem } from '../problems.ts'
import type { GeneratorEntry } from '../types.ts'

/** One entry of a generated ConfigMap or Secret. */
export interface KeyValue {
  readonly key: string
  readonly value: Uint8Array
}

/** The entries of a generator: from env files, literals and files, in this order (api/kv). Throws for a key that occurs twice. */
export function loadKeyValues(entry: GeneratorEntry, loader: Loader): KeyValue[] {
  const result: KeyValue[] = []
  for (const path of entry.envs ?? [])
    result.push(...at({ field: 'envs' }, () => parseEnvFile(loader.load(path), path)))
  for (const literal of entry.literals ?? []) result.push(parseLiteral(literal))
  for (const source of entry.files ?? []) {
    const { key, path } = parseFileSource(source)
    result.push({ key, value: at({ field: 'files' }, () => loader.load(path)) })
  }
  const seen = new Set<string>()
  for (const { key } of result) {
    if (seen.has(key))
      throw problem('kustomize-generator-key', `${entry.name ?? ''} illegally repeats the key \`${key}\``)
    seen.add(key)
  }
  return result
}

/** `key=value`; one pair of quotes around the value is dropped. */
export function parseLiteral(literal: string): KeyValue {
  const equals = literal.indexOf('=')
  if (equals <= 0) {
    throw problem(
      'kustomize-generator-literal',
      `invalid literal source ${JSON.stringify(literal.slice(0, 40))}, expected key=value`,
    )
  }
  const value = literal.slice(equals + 1)
  const first = value[0]
  const quoted = value.length >= 2 && first === value.at(-1) && (first === '"' || first === "'")
  return { key: literal.slice(0, equals), value: new TextEncoder().encode(quoted ? value.slice(1, -1) : value) }
}

/** `[key=]path`; without a key, the file's name is the key. */
export function parseFileSource(source: string): { key: string; path: string } {
  const parts = source.split('=')
  if (parts.length === 1) return { key: baseName(source.replace(/\/+$/, '')), path: source }
  const [key = '', path = ''] = parts
  if (parts.length > 2)
    throw problem('kustomize-generator-file', `source ${JSON.stringify(source)} key name or file path contains '='`)
  if (key === '')
    throw problem(
      'kustomize-generator-file',
      `missing key name for file path ${JSON.stringify(path)} in source ${JSON.stringify(source)}`,
    )
  if (path === '')
    throw problem(
      'kustomize-generator-file',
      `missing file path for key name ${JSON.stringify(key)} in source ${JSON.stringify(source)}`,
    )
  return { key, path }
}

/** Lines `key=value`; blank lines and comments are skipped, a key without `=` has the empty value, space before a key is dropped. */
export function parseEnvFile(content: Uint8Array, path: string): KeyValue[] {
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(content)
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    throw problem('kustomize-generator-env', `${path} has invalid UTF-8; list it under files to keep it as it is`)
  }
  const lines = text.split('\n')
  if (lines.at(-1) === '') lines.pop()
  const result: KeyValue[] = []
  for (const raw of lines) {
    const line = raw.replace(/\r$/, '').replace(/^[\s\u0085]+/, '')
    if (line === '' || line.startsWith('#')) continue
    const equals = line.indexOf('=')
    const key = equals < 0 ? line : line.slice(0, equals)
    if (key !== '') result.push({ key, value: new TextEncoder().encode(equals < 0 ? '' : line.slice(equals + 1)) })
  }
  return result
}
