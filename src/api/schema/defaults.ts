import type { SchemaNode } from './node.ts'

/**
 * `value` with the defaults of its schema filled in, as the API server does: where a property is missing, or null and the schema does not
 * allow null. Inside a default nothing more is filled in than what the default's own fields bring. Values of other types than the schema's stay.
 */
export function applyDefaults(node: SchemaNode, value: unknown): unknown {
  if (node.properties !== undefined) return isMapping(value) ? withProperties(node.properties, value) : value
  const { items, values } = node
  if (items !== undefined)
    return Array.isArray(value) ? value.map((item: unknown) => applyDefaults(items, item)) : value
  if (values !== undefined && isMapping(value)) {
    return fromEntries(Object.entries(value).map(([key, entry]) => [key, applyDefaults(values, entry)]))
  }
  return value
}

function withProperties(properties: { readonly [name: string]: SchemaNode }, value: Mapping): Mapping {
  const entries = new Map<string, unknown>(Object.entries(value))
  for (const [name, node] of Object.entries(properties)) {
    const isMissing = !entries.has(name) || (entries.get(name) === null && node.type !== undefined)
    if (isMissing && node.default !== undefined) entries.set(name, structuredClone(node.default))
    const present = entries.get(name)
    if (present !== undefined) entries.set(name, applyDefaults(node, present))
  }
  return fromEntries([...entries])
}

type Mapping = { readonly [key: string]: unknown }

function isMapping(value: unknown): value is Mapping {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Like `Object.fromEntries`: also `__proto__` becomes an own property. */
function fromEntries(entries: readonly (readonly [string, unknown])[]): Mapping {
  return Object.fromEntries(entries)
}
