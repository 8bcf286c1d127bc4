import {
  builtInDefinition,
  builtInDefinitionName,
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

/** How a custom schema and the built-in one share the definitions of one name. */
export type BuiltInRole =
  /** The built-in schema is not there. */
  | 'none'
  /** It fills in what the custom one lacks. */
  | 'below'
  /** It wins. */
  | 'above'

/**
 * The schema in an OpenAPI document that a kustomization names with `openapi.path`; scopes of built-in kinds stay known (kyaml openapi).
 * Throws DiagnosticsError for text that is no such document.
 */
export function parseSchema(text: string, file: string, builtIn: BuiltInRole): Schema {
  const { documents, diagnostics } = parseDocuments(text, { dialect: 'sigs', file, first: true })
  const errors = diagnostics.filter((one) => one.severity === 'error')
  if (errors.length > 0) throw problems(errors)
  const root = documents[0]?.value as KubeValue | undefined
  if (!isMap(root))
    throw problem('kustomize-openapi-invalid', 'invalid schema file: it must be an OpenAPI document', { file })
  const definitions = new Definitions(mapAt(root, 'definitions'), builtIn)
  const scopes = scopesOf(mapAt(root, 'paths'))
  return {
    forType: (apiVersion, kind) => definitions.forType(apiVersion, kind),
    isNamespaced: (apiVersion, kind) =>
      builtInSchema.isNamespaced(apiVersion, kind) ?? scopes.get(`${apiVersion}/${kind}`),
  }
}

const REFERENCE = '#/definitions/'

/** The definitions of a custom schema, together with those of the built-in one where it is in effect. */
class Definitions {
  readonly custom: KubeMap
  readonly builtIn: BuiltInRole
  private readonly byType = new Map<string, KubeMap>()

  constructor(custom: KubeMap, builtIn: BuiltInRole) {
    this.custom = custom
    this.builtIn = builtIn
    for (const name of Object.keys(custom)) {
      const definition = custom[name]
      const kinds = isMap(definition) ? getKey(definition, 'x-kubernetes-group-version-kind') : undefined
      if (!isMap(definition) || !Array.isArray(kinds)) continue
      for (const gvk of kinds) {
        const type = isMap(gvk) ? typeOf(gvk) : undefined
        if (type !== undefined) this.byType.set(type, definition)
      }
    }
  }

  forType(apiVersion: string, kind: string): SchemaNode | undefined {
    const definition = this.byType.get(`${apiVersion}/${kind}`)
    const custom = definition && new CustomNode(definition, this)
    if (this.builtIn === 'none') return custom
    if (this.builtIn === 'below' && custom !== undefined) return custom
    // A kind that is known without having lists to merge is known all the same.
    const isBuiltIn = builtInSchema.isNamespaced(apiVersion, kind) !== undefined
    return this.mixed(builtInSchema.forType(apiVersion, kind)) ?? (isBuiltIn ? undefined : custom)
  }

  /** The node of a schema that may refer to a definition. A loop of references leads nowhere. */
  resolve(schema: KubeValue | undefined, seen = new Set<string>()): SchemaNode | undefined {
    if (!isMap(schema)) return undefined
    const reference = getKey(schema, '$ref')
    if (typeof reference !== 'string') return new CustomNode(schema, this)
    if (!reference.startsWith(REFERENCE) || seen.has(reference)) return undefined
    seen.add(reference)
    const name = reference.slice(REFERENCE.length)
    const own = getKey(this.custom, name)
    const builtIn =
      this.builtIn === 'above' || (this.builtIn === 'below' && !isMap(own))
        ? this.mixed(builtInDefinition(name))
        : undefined
    return builtIn ?? this.resolve(own, seen)
  }

  /** A built-in node whose definitions may be replaced by custom ones. */
  mixed(node: SchemaNode | undefined): SchemaNode | undefined {
    if (node === undefined || this.builtIn !== 'below') return node
    const name = builtInDefinitionName(node)
    const custom = name === undefined ? undefined : getKey(this.custom, name)
    return isMap(custom) ? new CustomNode(custom, this) : new MixedNode(node, this)
  }
}

class MixedNode implements SchemaNode {
  private readonly node: SchemaNode
  private readonly definitions: Definitions

  constructor(node: SchemaNode, definitions: Definitions) {
    this.node = node
    this.definitions = definitions
  }

  field(name: string): SchemaNode | undefined {
    return this.definitions.mixed(this.node.field(name))
  }

  get mergeKeys(): readonly string[] | undefined {
    return this.node.mergeKeys
  }

  get elements(): SchemaNode | undefined {
    return this.definitions.mixed(this.node.elements)
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

class CustomNode implements SchemaNode {
  readonly schema: KubeMap
  readonly definitions: Definitions

  constructor(schema: KubeMap, definitions: Definitions) {
    this.schema = schema
    this.definitions = definitions
  }

  field(name: string): SchemaNode | undefined {
    return this.definitions.resolve(
      getKey(mapAt(this.schema, 'properties'), name) ?? getKey(this.schema, 'additionalProperties'),
    )
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
    return this.definitions.resolve(getKey(this.schema, 'items'))
  }
}
