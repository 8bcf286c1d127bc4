import type { Diagnostic } from '../base/index.ts'
import {
  findFault,
  getKey,
  isMap,
  type KubeMap,
  type KubeValue,
  metaText,
  noteFault,
  noteQuoted,
  noteSourceText,
  type Schema,
  scalarText,
} from '../resources/index.ts'
import { parseDocuments, type YamlFault, type YamlNotes } from '../yaml/index.ts'
import { takeBuildAnnotations } from './build-annotations.ts'
import { problem, problems } from './problems.ts'
import { Resource } from './resource.ts'

/** An object waiting to be looked at. */
interface Candidate {
  readonly value: KubeValue
  readonly line: number
  /** Some mapping in its document has a fault. */
  readonly hasFaults: boolean
}

/** One document of a file as kustomize cuts it. */
interface Part {
  readonly text: string
  readonly line: number
}

/**
 * Cuts a text into documents as kustomize does before it reads any (kyaml kio, ByteReader): at lines that start with `---`, also inside block
 * scalars. Lines end with a line feed alone from here on. Throws where something but a comment stands behind a separator.
 */
function splitAsKustomize(original: string, file: string): readonly Part[] {
  const text = original.includes('\r\n') ? original.replaceAll('\r\n', '\n') : original
  if (!text.includes('\n---')) return [{ text, line: 1 }]
  const parts: Part[] = []
  let start = 0
  let line = 1
  for (const match of text.matchAll(/\n---([^\n]*)\n/g)) {
    const piece = text.slice(start, match.index + 1)
    const behind = (match[1] ?? '').trim()
    const separatorLine = line + (piece.match(/\n/g)?.length ?? 0)
    if (behind !== '' && !behind.startsWith('#')) {
      throw problem('yaml-syntax', `invalid document separator: ---${match[1]}; start the content on the next line`, {
        file,
        line: separatorLine,
      })
    }
    parts.push({ text: piece, line })
    start = match.index + match[0].length
    line = separatorLine + 1
  }
  parts.push({ text: text.slice(start), line })
  return parts
}

/** Keeps with the objects what their values do not show. */
class Notes implements YamlNotes {
  hasFaults = false
  private readonly file: string
  private readonly part: Part

  constructor(file: string, part: Part) {
    this.file = file
    this.part = part
  }

  text(map: KubeMap, key: string, text: string): void {
    noteSourceText(map, key, text)
  }

  quoted(map: KubeMap, key: string): void {
    noteQuoted(map, key)
  }

  fault(map: KubeMap, { code, message, offset }: YamlFault): void {
    this.hasFaults = true
    const line = this.part.line + (this.part.text.slice(0, offset).match(/\n/g)?.length ?? 0)
    noteFault(map, { code, message, file: this.file, line })
  }
}

/**
 * Reads the objects in a YAML or JSON text. Lists (`kind: …List` with `items`) are replaced by what they hold, which comes after the rest
 * of the file, as in kustomize. Empty documents are skipped. Throws DiagnosticsError with every finding: broken YAML, objects without kind
 * or name.
 */
export function readObjects(text: string, file: string, schema: Schema): Resource[] {
  const report: Diagnostic[] = []
  const queue: Candidate[] = []
  const parts = splitAsKustomize(text, file)
  const hasBuildAnnotations = text.includes('internal.config.kubernetes.io/')
  for (const part of parts) {
    const notes = new Notes(file, part)
    const { documents, diagnostics } = parseDocuments(part.text, {
      dialect: 'kyaml',
      file,
      first: true,
      firstLine: part.line,
      notes,
    })
    report.push(...diagnostics.filter((one) => one.severity === 'error'))
    const document = documents[0]
    if (document === undefined || document.empty) continue
    const value = document.value as KubeValue
    if (isNothing(value)) continue
    // Infinities and NaN cannot be printed either.
    const hasFaults = notes.hasFaults || /\.(?:inf|nan)/i.test(part.text)
    const items = parts.length === 1 && isMap(value) ? wrappedItems(value) : undefined
    if (items) for (const item of items) queue.push({ value: item, line: document.line, hasFaults })
    else queue.push({ value, line: document.line, hasFaults })
  }
  const result: Resource[] = []
  for (let index = 0; index < queue.length; index++) {
    const { value, line, hasFaults } = queue[index] as Candidate
    if (isNothing(value)) continue
    const place = { file, line }
    const wrong = objectProblem(value)
    if (wrong !== undefined || !isMap(value)) {
      report.push({ code: 'kustomize-object-invalid', severity: 'error', message: wrong ?? '', ...place })
      continue
    }
    const isList = scalarText(value['kind']).endsWith('List')
    const fault = isList && hasFaults ? findFault(value, value) : undefined
    if (fault !== undefined) report.push({ severity: 'error', ...fault })
    const items = isList ? getKey(value, 'items') : undefined
    if (items === undefined) {
      const resource = new Resource(value, schema)
      resource.place = place
      resource.hasFaults = hasFaults
      if (hasBuildAnnotations) takeBuildAnnotations(resource)
      result.push(resource)
    } else if (Array.isArray(items)) for (const item of items) queue.push({ value: item, line, hasFaults })
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
