import { type GoMap, typeName, type Value } from '../../template/index.ts'
import { isEngineError } from '../../base/index.ts'
import { helmError } from '../errors.ts'
import { readYaml } from '../yaml-text.ts'
import { mergeTables } from './tables.ts'

/**
 * Reads a values file: any number of YAML documents, each laid on those before it (Helm v4 loader.LoadValues).
 *
 * @throws EngineError `values-invalid` for text that is no YAML, or a document that is no table.
 */
export function parseValuesDocuments(text: string): GoMap {
  let values: GoMap = new Map()
  // Helm gives the last line a line break, which a block scalar at the end keeps.
  for (const document of splitDocuments(text === '' || text.endsWith('\n') ? text : `${text}\n`)) {
    const parsed = readDocument(document)
    if (parsed === null || parsed === undefined) continue
    if (!(parsed instanceof Map)) {
      throw helmError(
        'values-invalid',
        `cannot unmarshal yaml document: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal ${goKind(typeName(parsed))} into Go value of type map[string]interface {}`,
      )
    }
    values = values.size === 0 ? parsed : mergeTables(values, parsed)
  }
  return values
}

function readDocument(document: string): Value {
  try {
    return readYaml(document)
  } catch (error) {
    if (!isEngineError(error)) throw error
    throw helmError('values-invalid', `cannot unmarshal yaml document: ${error.message}`, { cause: error })
  }
}

/** Documents end at lines that start with `---`; a comment may follow it, nothing else (apimachinery YAMLReader). */
function splitDocuments(text: string): string[] {
  if (!text.includes('---')) return [text]
  const documents: string[] = []
  let lines: string[] = []
  for (const line of text.split('\n')) {
    if (!line.startsWith('---')) {
      lines.push(line)
      continue
    }
    const rest = line.slice(3).trim()
    if (rest !== '' && !rest.startsWith('#')) {
      throw helmError('values-invalid', `error reading yaml document: invalid Yaml document separator: ${rest}`)
    }
    if (lines.length > 0) documents.push(lines.join('\n'))
    lines = []
  }
  documents.push(lines.join('\n'))
  return documents
}

/** The name that Go's encoding/json has for a value in its errors, from the name of the value's type. */
export function goKind(type: string): string {
  if (type.startsWith('[]')) return 'array'
  return type === 'float64' ? 'number' : type
}
