import { fromBytes, typeName, type GoMap } from '../../template/index.ts'
import type { ChartInstance } from '../chart/chart.ts'
import { helmError } from '../errors.ts'
import { isSchemaObject, type Schema } from '../schema/document.ts'
import { printFailures } from '../schema/failure.ts'
import { SchemaValidator } from '../schema/validator.ts'

/**
 * Checks the coalesced values of a chart and its sub-charts against their values.schema.json. Finds everything that is wrong.
 *
 * @throws EngineError `values-schema` in Helm's words; `values-schema-remote` for a schema that refers to something outside the chart.
 */
export function validateSchemas(chart: ChartInstance, values: GoMap): void {
  const text = problems(chart, values)
  if (text === '') return
  throw helmError(
    'values-schema',
    `values don't meet the specifications of the schema(s) in the following chart(s):\n${text}`,
  )
}

function problems(chart: ChartInstance, values: GoMap): string {
  const { name } = chart.metadata
  let text = ''
  if (chart.chart.schema !== undefined) {
    const wrong = schemaProblems(chart.chart.schema, `values.schema.json of chart ${name}`, values)
    if (wrong !== '') text += `${name}:\n${wrong}`
  }
  for (const child of chart.dependencies) {
    const below = values.get(child.metadata.name)
    if (below === undefined || below === null) continue
    if (below instanceof Map) text += problems(child, below)
    else text += `${child.metadata.name}:\ninvalid type for values: expected object (map), got ${typeName(below)}\n`
  }
  return text
}

/**
 * What is wrong with values by one schema, one line each, every line ended; empty where nothing is. `where` names the schema in errors.
 *
 * @throws EngineError `values-schema` for a schema that cannot be used, `values-schema-remote`.
 */
export function schemaProblems(schema: Uint8Array, where: string, values: GoMap): string {
  const failures = new SchemaValidator(parseSchema(schema, where)).validate(values)
  return failures.length === 0 ? '' : `${printFailures(failures)}\n`
}

function parseSchema(bytes: Uint8Array, where: string): Schema {
  let parsed: unknown
  try {
    parsed = JSON.parse(fromBytes(bytes))
  } catch (cause) {
    throw helmError('values-schema', `${where} is not JSON`, { cause })
  }
  if (typeof parsed === 'boolean' || isSchemaObject(parsed)) return parsed
  throw helmError('values-schema', `${where} must be an object or a boolean`)
}
