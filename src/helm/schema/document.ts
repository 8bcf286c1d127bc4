import { helmError } from '../errors.ts'

/** A schema: an object of keywords, or true or false. */
export type Schema = boolean | SchemaObject

/** The keywords of a schema, as JSON. */
export type SchemaObject = { readonly [keyword: string]: unknown }

/** Drafts by year or number: the rules of keywords depend on it. */
export type Draft = 4 | 6 | 7 | 2019 | 2020

/** A schema with a URL of its own: the document, or a part with an `$id`. */
export interface Resource {
  readonly url: string
  readonly root: Schema
  readonly draft: Draft
  readonly anchors: Map<string, SchemaObject>
  readonly dynamicAnchors: Map<string, SchemaObject>
}

/** The name under which Helm compiles a chart's schema. */
const documentUrl = 'file:///values.schema.json'

/** Keywords whose values are data, not schemas. */
const DATA_KEYWORDS: ReadonlySet<string> = new Set(['enum', 'const', 'default', 'examples'])

/**
 * A schema document with its identifiers: what `$ref`s inside it lead to. References that leave it are refused, because a render must not
 * fetch anything.
 */
export class SchemaDocument {
  readonly main: Resource
  readonly #resources = new Map<string, Resource>()
  readonly #owners = new Map<SchemaObject, Resource>()

  constructor(root: Schema) {
    this.main = newResource(documentUrl, root, draftOf(root, 2020))
    this.#resources.set(documentUrl, this.main)
    this.#index(root, this.main, 0)
  }

  /** The resource that a schema belongs to. */
  ownerOf(schema: Schema, fallback: Resource): Resource {
    return typeof schema === 'object' ? (this.#owners.get(schema) ?? fallback) : fallback
  }

  /** What a reference leads to. @throws EngineError `values-schema-remote` or `values-schema`. */
  resolve(reference: string, from: Resource): Schema {
    const hash = reference.indexOf('#')
    const target = hash < 0 ? reference : reference.slice(0, hash)
    const fragment = hash < 0 ? '' : decodeFragment(reference.slice(hash + 1))
    const resource = target === '' ? from : this.#find(target, from)
    if (resource === undefined) {
      // Helm takes anything for a URN that nobody resolves.
      if (target.startsWith('urn:')) return true
      throw helmError(
        'values-schema-remote',
        `values.schema.json refers to ${JSON.stringify(reference)}, which lies outside the chart; remote schemas are not fetched: put the schema into the chart, or skip schema validation`,
        { data: { reference } },
      )
    }
    const found =
      fragment === '' || fragment.startsWith('/') ? atPointer(resource.root, fragment) : resource.anchors.get(fragment)
    if (found === undefined)
      throw helmError('values-schema', `values.schema.json has no ${JSON.stringify(reference)}, to which it refers`)
    return found
  }

  #find(target: string, from: Resource): Resource | undefined {
    const url = join(target, from.url)
    return url === undefined ? undefined : this.#resources.get(url)
  }

  #index(schema: unknown, owner: Resource, depth: number): void {
    if (depth > 500) throw helmError('values-schema', 'values.schema.json is nested more than 500 deep')
    if (Array.isArray(schema)) for (const item of schema) this.#index(item, owner, depth + 1)
    if (!isSchemaObject(schema)) return
    const resource = this.#identify(schema, owner)
    this.#owners.set(schema, resource)
    for (const [keyword, value] of Object.entries(schema))
      if (!DATA_KEYWORDS.has(keyword)) this.#index(value, resource, depth + 1)
  }

  #identify(schema: SchemaObject, owner: Resource): Resource {
    const id = schema[owner.draft === 4 ? 'id' : '$id']
    let resource = owner
    // Until 2019 a $ref hides everything that stands beside it.
    if (typeof id === 'string' && (owner.draft >= 2019 || schema['$ref'] === undefined)) {
      const [target = '', fragment] = id.split('#', 2)
      const url = target === '' ? undefined : join(target, owner.url)
      if (url !== undefined && url !== owner.url) {
        resource = newResource(url, schema, draftOf(schema, owner.draft))
        this.#resources.set(url, resource)
      }
      if (owner.draft < 2019 && fragment !== undefined && fragment !== '') resource.anchors.set(fragment, schema)
    }
    const { $anchor, $dynamicAnchor } = schema
    if (typeof $anchor === 'string') resource.anchors.set($anchor, schema)
    if (typeof $dynamicAnchor === 'string') {
      resource.anchors.set($dynamicAnchor, schema)
      resource.dynamicAnchors.set($dynamicAnchor, schema)
    }
    return resource
  }
}

/** True for a schema that has keywords. */
export function isSchemaObject(value: unknown): value is SchemaObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function newResource(url: string, root: Schema, draft: Draft): Resource {
  return { url, root, draft, anchors: new Map(), dynamicAnchors: new Map() }
}

function draftOf(schema: Schema, otherwise: Draft): Draft {
  const declared = typeof schema === 'object' ? schema['$schema'] : undefined
  if (typeof declared !== 'string') return otherwise
  switch (declared.replace(/^https?:\/\//, '').replace(/#$/, '')) {
    case 'json-schema.org/draft-04/schema':
      return 4
    case 'json-schema.org/draft-06/schema':
      return 6
    case 'json-schema.org/draft-07/schema':
      return 7
    case 'json-schema.org/draft/2019-09/schema':
      return 2019
    case 'json-schema.org/draft/2020-12/schema':
    case 'json-schema.org/schema':
      return 2020
    default:
      throw helmError(
        'values-schema-remote',
        `values.schema.json is written for ${JSON.stringify(declared)}, which is no known draft of JSON Schema; remote schemas are not fetched`,
        { data: { reference: declared } },
      )
  }
}

function join(target: string, base: string): string | undefined {
  try {
    return new URL(target, base).href.replace(/#.*$/, '')
  } catch {
    // No URL at all: it cannot be one of the document's own.
    return undefined
  }
}

function decodeFragment(fragment: string): string {
  try {
    return decodeURIComponent(fragment)
  } catch {
    // A stray percent sign: taken as it stands, it leads nowhere.
    return fragment
  }
}

function atPointer(root: Schema, pointer: string): Schema | undefined {
  let at: unknown = root
  for (const token of pointer.split('/').slice(1)) {
    const key = token.replaceAll('~1', '/').replaceAll('~0', '~')
    if (Array.isArray(at)) at = /^(?:0|[1-9]\d*)$/.test(key) ? at[Number(key)] : undefined
    else at = isSchemaObject(at) && Object.hasOwn(at, key) ? at[key] : undefined
  }
  return typeof at === 'boolean' || isSchemaObject(at) ? at : undefined
}
