import { isEngineError } from '../../base/index.ts'
import { jsonFault } from '../../sprig/index.ts'
import { toBytes, type Value } from '../../template/index.ts'
import { decodeStruct, type Decoded, type StructShape } from '../chart/decode.ts'
import { helmError } from '../errors.ts'
import { decodeJsonPrefix } from '../values/json-prefix.ts'
import { readYaml } from '../yaml-text.ts'

/** What the linter reads of a document. */
export interface LintedObject {
  readonly apiVersion: string
  readonly kind: string
  readonly name: string
}

/** A document of a file, or what keeps it, and all that follow, from being read. */
export type LintedDocument = { readonly object: LintedObject } | { readonly problem: string }

const METADATA: StructShape = {
  name: 'k8sYamlMetadata',
  type: 'rules.k8sYamlMetadata',
  fields: { Namespace: 'string', Name: 'string' },
}
const OBJECT: StructShape = {
  name: 'k8sYamlStruct',
  fields: { apiVersion: 'string', Kind: 'string', Metadata: { struct: METADATA } },
}

/**
 * The documents of a file as apimachinery's YAMLOrJSONDecoder gives them to Helm's linter: JSON objects one after the other where the text starts with
 * one, else YAML, separated by lines of `---`. Empty documents are left out; a problem is the last of the list.
 */
export function lintedDocuments(text: string): LintedDocument[] {
  const documents: LintedDocument[] = []
  const { objects, rest, problem } = leadingJson(text)
  try {
    for (const value of objects) documents.push({ object: objectOf(value) })
    // After two objects the text is JSON, and goes on as JSON.
    if (objects.length > 1) return problem === undefined ? documents : [...documents, { problem: problem.message }]
  } catch (error) {
    if (!isEngineError(error)) throw error
    return [...documents, { problem: error.message }]
  }
  let isFirst = true
  try {
    for (const document of yamlDocuments(rest)) {
      const value = readYaml(document)
      if (value !== null && value !== undefined) documents.push({ object: objectOf(value) })
      isFirst = false
    }
  } catch (error) {
    if (!isEngineError(error)) throw error
    // What is neither JSON nor YAML is told as JSON where it starts as such.
    documents.push({ problem: isFirst && problem !== undefined ? problem.placed : error.message })
  }
  return documents
}

interface LeadingJson {
  readonly objects: readonly Value[]
  /** What follows them, from the next line on. */
  readonly rest: string
  /** Why no more could be read as JSON, without and with its place; undefined where the text is over, or no JSON from the start. */
  readonly problem: { readonly message: string; readonly placed: string } | undefined
}

function leadingJson(text: string): LeadingJson {
  const objects: Value[] = []
  if (!text.trimStart().startsWith('{')) return { objects, rest: text, problem: undefined }
  let at = 0
  for (;;) {
    const found = /^\s*\{/.test(text.slice(at)) ? decodeJsonPrefix(text.slice(at)) : undefined
    if (found === undefined) break
    objects.push(found.value)
    at += found.length
  }
  const rest = text.slice(at)
  return {
    objects,
    rest: objects.length === 0 ? text : rest.replace(/^[^\S\n]*\n?/, ''),
    problem: rest.trim() === '' ? undefined : problemAfter(text.slice(0, at), rest),
  }
}

function problemAfter(read: string, rest: string): { readonly message: string; readonly placed: string } {
  const { message, bytes } = jsonFault(rest)
  if (bytes === undefined) return { message: 'unexpected EOF', placed: 'unexpected EOF' }
  return { message, placed: `json: offset ${toBytes(read).length + bytes}: ${message}` }
}

function objectOf(value: Value): LintedObject {
  const decoded = decodeStruct(value, OBJECT, 'rules.k8sYamlStruct')
  const metadata = (decoded['Metadata'] ?? {}) as Decoded
  const text = (fields: Decoded, field: string): string => (fields[field] as string | undefined) ?? ''
  return { apiVersion: text(decoded, 'apiVersion'), kind: text(decoded, 'Kind'), name: text(metadata, 'Name') }
}

/**
 * Texts between lines that start with `---`, which may hold a comment besides that, and nothing else.
 *
 * @throws EngineError `yaml-invalid` where they do.
 */
function* yamlDocuments(text: string): Generator<string> {
  let lines: string[] = []
  for (const line of text.split('\n')) {
    if (!line.startsWith('---')) {
      lines.push(line)
      continue
    }
    const rest = line.slice(3).trim()
    // The document in front of the line is lost with it, as it is in Helm.
    if (rest !== '' && !rest.startsWith('#'))
      throw helmError('yaml-invalid', `invalid Yaml document separator: ${rest}`)
    if (lines.length > 0) yield `${lines.join('\n')}\n`
    lines = []
  }
  yield lines.join('\n')
}
