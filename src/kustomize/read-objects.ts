import type { Diagnostic } from '../base/index.ts'
import { getKey, isMap, type KubeMap, type KubeValue, metaText, type Schema, scalarText } from '../resources/index.ts'
import { parseDocuments } from '../yaml/index.ts'
import { problem, problems } from './problems.ts'
import { Resource } from './resource.ts'
import { noteTexts } from './note-texts.ts'

/** An object waiting to be looked at. */
interface Candidate {
  readonly value: KubeValue
  readonly line: number
}

/**
 * Reads the objects in a YAML or JSON text. Lists (`kind: …List` with `items`) are replaced by what they hold, which comes after the rest
 * of the file, as in kustomize. Empty documents are skipped. Throws DiagnosticsError with every finding: broken YAML, objects without kind
 * or name.
 */
export function readObjects(text: string, file: string, schema: Schema): Resource[] {
  const { documents, diagnostics } = parseDocuments(text, { dialect: 'kyaml', file })
  const report: Diagnostic[] = diagnostics.filter((one) => one.severity === 'error')
  const queue: Candidate[] = []
  for (const document of documents) {
    const value = document.value as KubeValue
    if (document.empty || isNothing(value)) continue
    noteTexts(value, text, (path) => document.lineOf(path))
    const items = documents.length === 1 && isMap(value) ? wrappedItems(value) : undefined
    if (items) for (const item of items) queue.push({ value: item, line: document.line })
    else queue.push({ value, line: document.line })
  }
  const result: Resource[] = []
  for (let index = 0; index < queue.length; index++) {
    const { value, line } = queue[index] as Candidate
    if (isNothing(value)) continue
    const place = { file, line }
    const wrong = objectProblem(value)
    if (wrong !== undefined || !isMap(value)) {
      report.push({ code: 'kustomize-object-invalid', severity: 'error', message: wrong ?? '', ...place })
      continue
    }
    const items = scalarText(value['kind']).endsWith('List') ? getKey(value, 'items') : undefined
    if (items === undefined) {
      const resource = new Resource(value, schema)
      resource.place = place
      result.push(resource)
    } else if (Array.isArray(items)) for (const item of items) queue.push({ value: item, line })
    else if (items !== null) {
      report.push({
        code: 'kustomize-object-invalid',
        severity: 'error',
        message: `expected a list in ${scalarText(value['kind'])}/items`,
        ...place,
      })
    }
  }
  if (report.length > 0) throw problems(report)
  return result
}

/** The items of a `List` or `ResourceList` that is the only document of its file. */
function wrappedItems(value: KubeMap): readonly KubeValue[] | undefined {
  const kind = value['kind']
  if (kind !== 'List' && kind !== 'ResourceList') return undefined
  const items = getKey(value, 'items')
  if (items === undefined) return getKey(value, 'functionConfig') === undefined ? undefined : []
  return Array.isArray(items) ? items : []
}

function isNothing(value: KubeValue): boolean {
  if (value === null) return true
  if (typeof value !== 'object') return false
  return Array.isArray(value) ? value.length === 0 : Object.keys(value).length === 0
}

function objectProblem(value: KubeValue): string | undefined {
  if (!isMap(value))
    return 'missing Resource metadata: this document is no Kubernetes object; every document needs apiVersion, kind and metadata.name'
  const kind = getKey(value, 'kind')
  const hasKind = kind !== undefined && kind !== null && scalarText(kind) !== ''
  if (!hasKind) return 'missing kind in object; every object needs apiVersion, kind and metadata.name'
  if (scalarText(kind).endsWith('List')) return undefined
  if (metaText(value, 'name') === '') return `missing metadata.name in object of kind ${scalarText(kind)}`
  return undefined
}

/** Reads the one object in `text`, for configurations that allow no more. */
export function readSingleObject(text: string, file: string, schema: Schema): Resource {
  const [first, ...rest] = readObjects(text, file, schema)
  if (first === undefined || rest.length > 0)
    throw problem('kustomize-object-invalid', `expected 1 object, found ${rest.length + (first ? 1 : 0)}`, { file })
  return first
}
