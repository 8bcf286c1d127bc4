import type { HelmRelease, ValuesReference } from '../../api/index.ts'
import { toValues, type Chart, type Values } from '../../helm/index.ts'
import { isMap, type KubeValue } from '../../resources/index.ts'
import { parseValues, type ReadValues } from '../helmrelease/values.ts'
import type { NotedPlaceholders, SideOptions } from './side-options.ts'

/** Whether the name of a value is known to everybody who reads the chart and the HelmRelease. */
export type KnowsName = (name: string) => boolean

/** What values are made public with. */
export interface OpenValuesOptions {
  readonly placeholders: NotedPlaceholders
  readonly configMap: SideOptions['configMap']
  readonly knows: KnowsName
  /** Reads what is secret, for its shape alone; undefined: it is withheld. */
  readonly read: ReadValues | undefined
}

/**
 * Reads the references of a HelmRelease as everybody may: a value at a single place is a placeholder, whether or not it is there; of a file of values the tables stay, with placeholders for what they hold. ConfigMaps that
 * the commit renders are what they say.
 */
export function openReader(object: HelmRelease, options: OpenValuesOptions): ReadValues {
  const namespace = object.metadata.namespace ?? ''
  return async (reference) => {
    const { kind, name, valuesKey: key = 'values.yaml' } = reference
    const known = kind === 'ConfigMap' ? options.configMap?.({ namespace, name }) : undefined
    if (known !== undefined) return textOf(known['data'], key)
    const path = [kind, namespace, name, key]
    if (reference.targetPath !== undefined) return options.placeholders.text(path)
    const text = await options.read?.(reference)
    if (text === undefined) return undefined
    const values = parseValues(text, `${kind}/${namespace}/${name}`, key)
    return JSON.stringify(openValues(values, path, options))
  }
}

function textOf(data: KubeValue | undefined, key: string): string | undefined {
  const text = isMap(data) ? data[key] : undefined
  return typeof text === 'string' ? text : undefined
}

/**
 * Values with a placeholder for everything that is no table. What a list or table holds is told as far as the chart and the HelmRelease name it: of a list one item that stands for all, and for all names that are not
 * known together one that is a placeholder, too. Types of values are not told.
 */
export function openValues(
  values: Values,
  path: readonly string[],
  options: Pick<OpenValuesOptions, 'placeholders' | 'knows'>,
): Values {
  const { placeholders, knows } = options
  const mask = (value: unknown, here: readonly string[]): unknown => {
    if (Array.isArray(value)) {
      const items = value.map((item) => mask(item, [...here, '[]']))
      return items.length === 0 ? [] : [items.reduce(mergeShapes)]
    }
    if (typeof value === 'object' && value !== null) return table(value, here)
    return placeholders.text(here)
  }
  const table = (given: object, here: readonly string[]): Values => {
    const open: Values = {}
    for (const [name, value] of Object.entries(given)) {
      if (knows(name)) open[name] = mask(value, [...here, name])
      else open[placeholders.text([...here, '?'])] = placeholders.text([...here, '?', 'value'])
    }
    // The order of names is no information then.
    return Object.fromEntries(Object.entries(open).sort(([a], [b]) => (a < b ? -1 : 1)))
  }
  return table(values, path)
}

/** What two items of a list have between them. */
function mergeShapes(a: unknown, b: unknown): unknown {
  if (isTable(a) && isTable(b)) {
    const names = new Set([...Object.keys(a), ...Object.keys(b)])
    const merged = [...names].sort().map((name) => [name, mergeShapes(a[name] ?? b[name], b[name] ?? a[name])] as const)
    return Object.fromEntries(merged)
  }
  if (Array.isArray(a) && Array.isArray(b)) {
    const items: readonly unknown[] = [...(a as readonly unknown[]), ...(b as readonly unknown[])]
    return items.length === 0 ? [] : [items.reduce(mergeShapes)]
  }
  if (isTable(a) || isTable(b)) return isTable(a) ? a : b
  return Array.isArray(b) ? b : a
}

function isTable(value: unknown): value is Values {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

const word = /[A-Za-z_][\w-]*/g

/** The names that a chart, the charts below it and a HelmRelease write down: keys of values, and every word of templates and schemas. */
export function knownNames(chart: Chart, object: HelmRelease): KnowsName {
  const names = new Set<string>(['global'])
  const addText = (data: Uint8Array): void => {
    for (const [name] of new TextDecoder().decode(data).matchAll(word)) names.add(name)
  }
  const addKeys = (value: unknown): void => {
    if (Array.isArray(value)) return value.forEach(addKeys)
    if (!isTable(value)) return
    for (const [name, one] of Object.entries(value)) {
      names.add(name)
      addKeys(one)
    }
  }
  const addChart = (one: Chart): void => {
    names.add(one.metadata.name)
    for (const { name, alias } of one.metadata.dependencies ?? []) names.add(name).add(alias ?? name)
    if (one.values !== undefined) addKeys(toValues(one.values))
    if (one.schema !== undefined) addText(one.schema)
    for (const { data } of one.templates) addText(data)
    one.dependencies.forEach(addChart)
  }
  addChart(chart)
  addKeys(object.spec.values)
  return (name) => names.has(name)
}

/** Whether the values of a HelmRelease may hold the content of a whole file that is not public. */
export function hasHiddenFiles(references: readonly ValuesReference[] | undefined): boolean {
  return (references ?? []).some(({ targetPath }) => targetPath === undefined)
}
