import { readFileSync } from 'node:fs'
import type { Json } from '../../src/base/index.ts'
import { sprigFunctions } from '../../src/sprig/index.ts'
import {
  builtinFunctions,
  executeTemplate,
  fromJson,
  FunctionError,
  functionTable,
  goFunction,
  ANY,
  parseTemplate,
  STRING,
  TemplateError,
  TemplateSet,
  type Environment,
  type ExecuteLimits,
  type FunctionTable,
  type MissingKey,
  type Value,
} from '../../src/template/index.ts'

/** One template with what Go made of it. */
export interface TemplateRow {
  readonly group: string
  readonly template: string
  readonly missingKey?: MissingKey
  readonly want?: string
  readonly error?: string
}

/** Reads rows from a file of one JSON object a line. */
export function readRows(url: URL): TemplateRow[] {
  const lines = readFileSync(url, 'utf8').split('\n')
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as TemplateRow)
}

/** The functions that the rows were made with. */
export const rowFunctions: FunctionTable = functionTable(builtinFunctions, sprigFunctions, [
  goFunction('badTwo', [], () => {
    throw new FunctionError('it failed')
  }),
  goFunction('include', [STRING, ANY], (run, name, dot) => run.executeTemplate(name, dot)),
])

/** A clock that stands still and real random numbers. */
export const testEnvironment: Environment = {
  now: () => 1_700_000_000_000,
  randomBytes: (count) => crypto.getRandomValues(new Uint8Array(count)),
}

export interface RenderOptions {
  readonly data?: Value
  readonly missingKey?: MissingKey
  readonly limits?: Partial<ExecuteLimits>
  readonly functions?: FunctionTable
}

/** Parses and executes one text under the name `t`. */
export function render(text: string, options: RenderOptions = {}): string {
  const set = new TemplateSet('t')
  set.add(parseTemplate('t', text, options.functions ?? rowFunctions))
  return executeTemplate(set, 't', options.data, {
    environment: testEnvironment,
    ...(options.missingKey === undefined ? {} : { missingKey: options.missingKey }),
    ...(options.limits === undefined ? {} : { limits: options.limits }),
  })
}

/** Renders a row with the rows' data; an error that is no TemplateError is a defect and thrown. */
export function renderRow(row: TemplateRow, data: Json): { want?: string; error?: string } {
  try {
    const options = { data: fromJson(data), missingKey: row.missingKey ?? 'invalid' }
    // Go's output went through JSON, which has no bytes that are not UTF-8.
    return { want: render(row.template, options).toWellFormed() }
  } catch (error) {
    if (error instanceof TemplateError) return { error: error.message }
    throw error
  }
}

/** The data that the rows were made with. */
export const rowData: Json = JSON.parse(
  readFileSync(new URL('../unit/template/rows/data.json', import.meta.url), 'utf8'),
) as Json
