import { DEFINITIONS, KINDS, NAMES } from './schema.gen.ts'
import { CLUSTER_SCOPED, NAMESPACED } from './scope.ts'

/** Where a value stands in a schema, as far as strategic merging cares. */
export interface SchemaNode {
  /** The schema of a field of a mapping; undefined where nothing below it merges. */
  field(name: string): SchemaNode | undefined
  /** For a list that is merged: the keys that tell its elements apart, none for a list of scalars. Undefined for anything else. */
  readonly mergeKeys: readonly string[] | undefined
  /** The schema of a list's elements. */
  readonly elements: SchemaNode | undefined
}

/** What is known about kinds. */
export interface Schema {
  /** The schema of objects of this type; undefined for one that is not known. */
  forType(apiVersion: string, kind: string): SchemaNode | undefined
  /** True for namespaced kinds, false for cluster-scoped ones, undefined for kinds that are not known. */
  isNamespaced(apiVersion: string, kind: string): boolean | undefined
}

class BuiltInNode implements SchemaNode {
  readonly mergeKeys: readonly string[] | undefined
  readonly elements: SchemaNode | undefined
  readonly fields: ReadonlyMap<string, SchemaNode>
  readonly values: SchemaNode | undefined

  constructor(
    fields: ReadonlyMap<string, SchemaNode>,
    rest: { mergeKeys?: readonly string[]; elements?: SchemaNode; values?: SchemaNode },
  ) {
    this.fields = fields
    this.mergeKeys = rest.mergeKeys
    this.elements = rest.elements
    this.values = rest.values
  }

  field(name: string): SchemaNode | undefined {
    return this.fields.get(name) ?? this.values
  }
}

const NO_FIELDS: ReadonlyMap<string, SchemaNode> = new Map()

/** Turns the generated notation into nodes; definitions refer to each other, so their field tables are filled last. */
function buildDefinitions(): readonly SchemaNode[] {
  const tables = DEFINITIONS.map(() => new Map<string, SchemaNode>())
  const nodes = tables.map((table) => new BuiltInNode(table, {}))
  const at = (index: string): SchemaNode | undefined => (index === '' ? undefined : nodes[Number(index)])
  const parse = (text: string): SchemaNode | undefined => {
    if (text.startsWith('[')) {
      const colon = text.indexOf(':')
      const elements = at(text.slice(colon + 1))
      const mergeKeys = text.slice(1, colon).split(',').filter(Boolean)
      return new BuiltInNode(NO_FIELDS, elements ? { mergeKeys, elements } : { mergeKeys })
    }
    if (!text.startsWith('{')) return at(text)
    const values = at(text.slice(1))
    return values && new BuiltInNode(NO_FIELDS, { values })
  }
  DEFINITIONS.forEach((fields, index) => {
    for (const [name, text] of Object.entries(fields)) {
      const node = parse(text)
      if (node) tables[index]?.set(name, node)
    }
  })
  return nodes
}

const BUILT_IN: readonly SchemaNode[] = buildDefinitions()

const BY_NAME: ReadonlyMap<string, SchemaNode> = new Map(
  NAMES.flatMap((name, index) => {
    const node = BUILT_IN[index]
    return node === undefined ? [] : [[name, node] as const]
  }),
)

const NAME_OF: ReadonlyMap<SchemaNode, string> = new Map([...BY_NAME].map(([name, node]) => [node, name]))

/** The built-in definition of this name, such as `io.k8s.api.core.v1.PodSpec`; undefined where nothing below it merges. */
export function builtInDefinition(name: string): SchemaNode | undefined {
  return BY_NAME.get(name)
}

/** The name of a built-in definition; undefined for any other node. */
export function builtInDefinitionName(node: SchemaNode): string | undefined {
  return NAME_OF.get(node)
}

/** The schema that kustomize v5.8.1 embeds (Kubernetes v1.21.2). Scopes are its precomputed table. */
export const builtInSchema: Schema = {
  forType: (apiVersion, kind) => {
    const type = `${apiVersion}/${kind}`
    const index = Object.hasOwn(KINDS, type) ? KINDS[type] : undefined
    return index === undefined ? undefined : BUILT_IN[index]
  },
  isNamespaced: (apiVersion, kind) => {
    const type = `${apiVersion}/${kind}`
    return NAMESPACED.has(type) ? true : CLUSTER_SCOPED.has(type) ? false : undefined
  },
}
