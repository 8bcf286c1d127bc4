import { compareByteOrder } from '../../base/index.ts'
import { fromBytes, parseTemplate, type GoMap, type ParsedText, type Value } from '../../template/index.ts'
import { fullPath, type ChartFile, type ChartInstance } from '../chart/chart.ts'
import { isTable } from '../values/tables.ts'
import { chartFiles, type RecordFile } from './files.ts'
import { helmFunctions } from './functions.ts'
import { chartObject } from './objects.ts'
import { toRenderError } from './render-error.ts'
import { ValuesView } from './values-view.ts'

/** A template of a chart, and what it sees as its dot. All templates of one chart share the dot. */
export interface Renderable {
  readonly chart: ChartInstance
  readonly file: ChartFile
  readonly dot: GoMap
  readonly basePath: string
}

/**
 * All templates of a chart and its sub-charts by name, each with the values of its own chart (Helm v4 allTemplates). Library charts give their
 * partials only.
 */
export function collectTemplates(
  root: ChartInstance,
  top: ReadonlyMap<string, Value>,
  record: (file: string) => void,
): Map<string, Renderable> {
  const templates = new Map<string, Renderable>()
  const values = top.get('Values')
  collect(root, isTable(values) ? values : new Map(), top, { templates, record })
  return templates
}

interface Collection {
  readonly templates: Map<string, Renderable>
  readonly record: (file: string) => void
}

function collect(chart: ChartInstance, values: GoMap, top: ReadonlyMap<string, Value>, into: Collection): GoMap {
  const prefix = fullPath(chart)
  const record: RecordFile = (name) => into.record(`${prefix}/${name}`)
  const subCharts: GoMap = new Map()
  const table: GoMap = new Map<string, Value>([
    ['Chart', chartObject(chart.metadata, chart.parent === undefined)],
    ['Files', chartFiles(chart.chart.files, record)],
    ['Release', top.get('Release')],
    ['Capabilities', top.get('Capabilities')],
    ['Values', new ValuesView(values)],
    ['Subcharts', subCharts],
  ])
  const dot = new ValuesView(table)
  for (const child of chart.dependencies) {
    const { name } = child.metadata
    const below = values.get(name)
    subCharts.set(name, collect(child, isTable(below) ? below : new Map(), top, into))
  }
  const isLibrary = chart.metadata.type.toLowerCase() === 'library'
  for (const file of chart.chart.templates) {
    if (isLibrary && !isPartial(file.name)) continue
    into.templates.set(`${prefix}/${file.name}`, { chart, file, dot, basePath: `${prefix}/templates` })
  }
  return table
}

/** Files whose names start with `_` only define templates. */
export function isPartial(name: string): boolean {
  return name.startsWith('_', name.lastIndexOf('/') + 1)
}

/**
 * The order in which Helm parses and executes templates: deepest paths first, then backwards by name, so that definitions of parents come
 * last and win.
 */
export function parseOrder(names: Iterable<string>): string[] {
  const depth = (name: string): number => name.split('/').length
  return [...names]
    .map((name) => ({ name, depth: depth(name) }))
    .sort((a, b) => b.depth - a.depth || compareByteOrder(b.name, a.name))
    .map(({ name }) => name)
}

/** Characters of templates that a {@link TemplateCache} keeps by default; a parsed template takes some ten times its text. */
const maxCachedCharacters = 2 << 20

/**
 * Parsed templates, by name and text, for charts that are rendered more than once and for library charts that many have. Made by a composition
 * root, and passed to each render. Holds at most `maxCharacters` of text, those that were used last.
 */
export class TemplateCache {
  /** What functions keep for later calls, such as compiled regular expressions. */
  readonly functions = new Map<string, unknown>()
  readonly #parsed = new Map<string, ParsedText>()
  readonly #maxCharacters: number
  #characters = 0

  constructor(maxCharacters: number = maxCachedCharacters) {
    this.#maxCharacters = maxCharacters
  }

  /** The parsed template, from the cache where it is known. Throws as {@link parseChartTemplate}. */
  parse(name: string, template: Renderable): ParsedText {
    const text = fromBytes(template.file.data)
    const key = `${name.length} ${name} ${text}`
    let parsed = this.#parsed.get(key)
    if (parsed === undefined) {
      parsed = parseText(name, text, template)
      this.#characters += key.length
    } else this.#parsed.delete(key)
    this.#parsed.set(key, parsed)
    for (const [oldest] of this.#parsed) {
      if (this.#characters <= this.#maxCharacters) break
      this.#parsed.delete(oldest)
      this.#characters -= oldest.length
    }
    return parsed
  }
}

/** Parses one template. @throws HelmRenderError. */
export function parseChartTemplate(name: string, template: Renderable): ParsedText {
  return parseText(name, fromBytes(template.file.data), template)
}

function parseText(name: string, text: string, template: Renderable): ParsedText {
  try {
    return parseTemplate(name, text, helmFunctions())
  } catch (error) {
    throw toRenderError(error, template.chart.metadata.name, name)
  }
}
