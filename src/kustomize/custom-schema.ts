import {
  builtInSchema,
  formatApiVersion,
  getKey,
  isMap,
  type KubeMap,
  type KubeValue,
  type Schema,
  type SchemaNode,
} from '../resources/index.ts'
import { parseDocuments } from '../yaml/index.ts'
import { problem, problems } from './problems.ts'

/**
 * The schema in an OpenAPI document that a kustomization names with `openapi.path`. It takes the place of the built-in one for merging;
 * scopes of built-in kinds stay known (kyaml openapi).
 */
export function parseSchema(text: string, file: string): Schema {
  const { documents, diagnostics } = parseDocuments(text, { dialect: 'sigs', file })
  const errors = diagnostics.filter((one) => one.severity === 'error')
  if (errors.length > 0) throw problems(errors)
  const root = documents[0]?.value as KubeValue | undefined
  if (!isMap(root))
    throw problem('kustomize-openapi-invalid', 'invalid schema file: it must be an OpenAPI document', { file })
  const definitions = mapAt(root, 'definitions')
  const byType = new Map<string, KubeMap>()
  for (const name of Object.keys(definitions)) {
    const definition = definitions[name]
    const kinds = isMap(definition) ? getKey(definition, 'x-kubernetes-group-version-kind') : undefined
    if (!isMap(definition) || !Array.isArray(kinds)) continue
    for (const gvk of kinds) {
      const type = isMap(gvk) ? typeOf(gvk) : undefined
      if (type !== undefined) byType.set(type, definition)
    }
  }
  const scopes = scopesOf(mapAt(root, 'paths'))
  return {
    forType: (apiVersion, kind) => {
      const definition = byType.get(`${apiVersion}/${kind}`)
      return definition && new CustomNode(definition, definitions)
    },
    isNamespaced: (apiVersion, kind) =>
      builtInSchema.isNamespaced(apiVersion, kind) ?? scopes.get(`${apiVersion}/${kind}`),
  }
}

function mapAt(map: KubeMap, key: string): KubeMap {
  const value = getKey(map, key)
  return isMap(value) ? value : {}
}

function typeOf(gvk: KubeMap): string | undefined {
  const { group, version, kind } = gvk
  if (typeof version !== 'string' || typeof kind !== 'string') return undefined
  return `${formatApiVersion({ group: typeof group === 'string' ? group : '', version })}/${kind}`
}

/** Kinds with a path below `namespaces/{namespace}` are namespaced. */
function scopesOf(paths: KubeMap): Map<string, boolean> {
  const result = new Map<string, boolean>()
  for (const path of Object.keys(paths)) {
    const get = mapAt(mapAt(paths, path), 'get')
    const gvk = getKey(get, 'x-kubernetes-group-version-kind')
    const type = isMap(gvk) ? typeOf(gvk) : undefined
    if (type === undefined) continue
    if (path.includes('namespaces/{namespace}')) result.set(type, true)
    else if (!result.has(type)) result.set(type, false)
  }
  return result
}

const REFERENCE = '#/definitions/'

class CustomNode implements SchemaNode {
  readonly schema: KubeMap
  readonly definitions: KubeMap

  constructor(schema: KubeMap, definitions: KubeMap) {
    this.schema = schema
    this.definitions = definitions
  }

  field(name: string): SchemaNode | undefined {
    return this.at(getKey(mapAt(this.schema, 'properties'), name) ?? getKey(this.schema, 'additionalProperties'))
  }

  get mergeKeys(): readonly string[] | undefined {
    const strategy = getKey(this.schema, 'x-kubernetes-patch-strategy')
    if (typeof strategy !== 'string' || !strategy.split(',').includes('merge')) return undefined
    const list = getKey(this.schema, 'x-kubernetes-list-map-keys')
    if (Array.isArray(list)) return list.filter((key) => typeof key === 'string')
    const key = getKey(this.schema, 'x-kubernetes-patch-merge-key')
    return typeof key === 'string' ? [key] : []
  }

  get elements(): SchemaNode | undefined {
    const type = getKey(this.schema, 'type')
    if (type !== 'array' && !(Array.isArray(type) && type.length === 1 && type[0] === 'array')) return undefined
    return this.at(getKey(this.schema, 'items'))
  }

  private at(schema: KubeValue | undefined): SchemaNode | undefined {
    let current = schema
    // A chain of references is followed; one that is longer than the number of definitions is a loop.
    for (let hops = 0; hops <= Object.keys(this.definitions).length && isMap(current); hops++) {
      const reference = getKey(current, '$ref')
      if (typeof reference !== 'string') return new CustomNode(current, this.definitions)
      current = reference.startsWith(REFERENCE)
        ? getKey(this.definitions, reference.slice(REFERENCE.length))
        : undefined
    }
    return undefined
  }
}
