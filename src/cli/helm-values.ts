import { readFileSync } from 'node:fs'
import { EngineError, isEngineError, type Json } from '../base/index.ts'
import { applySet, mergeTables, parseValuesDocuments, toTable, type SetKind } from '../helm/index.ts'
import { fromBytes, type GoMap } from '../template/index.ts'

/** Where values come from, as Helm's flags name it. */
export interface ValueOptions {
  /** Files, in order; `-` is standard input. */
  readonly files: readonly string[]
  readonly setJson: readonly string[]
  readonly set: readonly string[]
  readonly setString: readonly string[]
  readonly setFile: readonly string[]
  readonly setLiteral: readonly string[]
}

/** The content of a file that is named on the command line. */
export type ReadText = (path: string) => string

/** No values at all. */
export const NO_VALUES: ValueOptions = Object.freeze({
  files: [],
  setJson: [],
  set: [],
  setString: [],
  setFile: [],
  setLiteral: [],
})

/**
 * The values of a command line, in Helm's order: files, then --set-json, --set, --set-string, --set-file, --set-literal (Helm v4 pkg/cli/values).
 *
 * @throws EngineError in Helm's words; Node's errors for files that cannot be read.
 */
export function readValues(options: ValueOptions, readText: ReadText = readFileText): GoMap {
  let values: GoMap = new Map()
  for (const file of options.files) {
    const text = readText(file)
    values = mergeTables(
      values,
      inContext(`failed to parse ${file}`, () => parseValuesDocuments(text)),
    )
  }
  for (const line of options.setJson) {
    if (line.trim().startsWith('{')) values = mergeTables(values, parseJsonTable(line))
    else apply(line, values, 'json', readText)
  }
  for (const line of options.set) apply(line, values, 'typed', readText)
  for (const line of options.setString) apply(line, values, 'string', readText)
  for (const line of options.setFile) apply(line, values, 'file', readText)
  for (const line of options.setLiteral) apply(line, values, 'literal', readText)
  return values
}

const flags: { readonly [kind in SetKind]: string } = {
  json: '--set-json',
  typed: '--set',
  string: '--set-string',
  file: '--set-file',
  literal: '--set-literal',
}

function apply(line: string, values: GoMap, kind: SetKind, readText: ReadText): void {
  inContext(`failed parsing ${flags[kind]} data`, () => applySet(line, values, { kind, readFile: readText }))
}

function parseJsonTable(line: string): GoMap {
  try {
    return toTable(JSON.parse(line) as { [key: string]: Json })
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    throw new EngineError('failed parsing --set-json data JSON', { code: 'set-syntax', cause: error })
  }
}

function inContext<T>(context: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (!isEngineError(error)) throw error
    throw new EngineError(`${context}: ${error.message}`, { code: error.code, data: error.data, cause: error })
  }
}

function readFileText(file: string): string {
  try {
    return fromBytes(new Uint8Array(readFileSync(file.trim() === '-' ? 0 : file)))
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'ENOENT') throw error
    throw new EngineError(`open ${file}: no such file or directory`, { code: 'values-not-found', cause: error })
  }
}
