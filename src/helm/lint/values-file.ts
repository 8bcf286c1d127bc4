import { isEngineError } from '../../base/index.ts'
import type { FileTree } from '../../ports/index.ts'
import { fromBytes, typeName, type GoMap, type Value } from '../../template/index.ts'
import { helmError } from '../errors.ts'
import { goKind } from '../values/documents.ts'
import { schemaProblems } from '../values/schema.ts'
import { copyTable, fillTable } from '../values/tables.ts'
import { readYaml } from '../yaml-text.ts'
import { error, info, type LintMessage } from './message.ts'

const FILE = 'values.yaml'
const SCHEMA = 'values.schema.json'

/**
 * What is wrong with values.yaml: its text, and its values with the user's laid on them against values.schema.json, without those of sub-charts
 * (Helm v4 pkg/chart/v2/lint/rules ValuesWithOverrides).
 */
export function lintValuesFile(
  tree: FileTree,
  overrides: ReadonlyMap<string, Value>,
  skipSchemaValidation: boolean,
): LintMessage[] {
  if (tree.stat(FILE)?.kind !== 'file') return [info(FILE, 'file does not exist')]
  let values: GoMap
  try {
    values = table(readYaml(fromBytes(tree.read(FILE))))
    const merged = copyTable(overrides)
    fillTable(merged, values, '', false, () => undefined)
    const schema = tree.stat(SCHEMA)?.kind === 'file' ? tree.read(SCHEMA) : new Uint8Array()
    if (schema.length === 0 || skipSchemaValidation) return []
    const problems = schemaProblems(schema, SCHEMA, merged)
    return problems === '' ? [] : [error(FILE, problems)]
  } catch (cause) {
    if (!isEngineError(cause)) throw cause
    const isSchema = cause.code === 'values-schema' || cause.code === 'values-schema-remote'
    return [error(FILE, isSchema ? cause.message : `unable to parse YAML: ${cause.message}`)]
  }
}

function table(value: Value): GoMap {
  if (value === null || value === undefined) return new Map()
  if (value instanceof Map) return value
  throw helmError(
    'values-invalid',
    `error unmarshaling JSON: while decoding JSON: json: cannot unmarshal ${goKind(typeName(value))} into Go value of type common.Values`,
  )
}
