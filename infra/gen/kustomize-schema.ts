/**
 * Writes `src/resources/schema.gen.ts`: what strategic merging needs of the Kubernetes OpenAPI document that kustomize embeds, and
 * nothing else. Reads the Go module sigs.k8s.io/kustomize/kyaml (`go mod download` must be able to find it).
 *
 * Kept per definition: the fields from which a merged list can be reached. A field is written as
 *   `7`               a mapping of definition 7
 *   `[name:7`         a list merged by `name`, elements of definition 7 (`[containerPort,protocol:7` by two keys)
 *   `[:`              a list of scalars merged by value
 *   `{7`              a mapping whose every value is of definition 7
 * @module
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'

const MODULE = 'sigs.k8s.io/kustomize/kyaml@v0.21.1'
const KUBERNETES = 'v1.21.2'
const OUTPUT = new URL('../../src/resources/schema.gen.ts', import.meta.url)

/** Fields of one protocol-buffer message: number -> values, bytes for length-delimited ones. */
type Message = Map<number, Uint8Array[]>

function decode(bytes: Uint8Array): Message {
  const message: Message = new Map()
  let at = 0
  const varint = (): number => {
    let result = 0
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++] ?? 0
      result += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) return result
    }
  }
  while (at < bytes.length) {
    const tag = varint()
    const wire = tag % 8
    if (wire === 0) varint()
    else if (wire === 1) at += 8
    else if (wire === 5) at += 4
    else if (wire === 2) {
      const length = varint()
      const field = Math.floor(tag / 8)
      message.set(field, [...(message.get(field) ?? []), bytes.subarray(at, at + length)])
      at += length
    } else throw new TypeError(`unexpected wire type ${wire}`)
  }
  return message
}

const text = (bytes: Uint8Array | undefined): string => (bytes === undefined ? '' : new TextDecoder().decode(bytes))
const one = (message: Message, field: number): Uint8Array | undefined => message.get(field)?.[0]

/** Repeated `{name = 1, value = 2}`. */
function named(bytes: Uint8Array | undefined, field = 1): [string, Message][] {
  if (bytes === undefined) return []
  return (decode(bytes).get(field) ?? []).map((entry) => {
    const message = decode(entry)
    return [text(one(message, 1)), decode(one(message, 2) ?? new Uint8Array())]
  })
}

/** `x-…` extensions of a schema (field 31), as YAML text. */
function extensions(schema: Message): Map<string, string> {
  const result = new Map<string, string>()
  for (const entry of schema.get(31) ?? []) {
    const message = decode(entry)
    result.set(text(one(message, 1)), text(one(decode(one(message, 2) ?? new Uint8Array()), 2)).trim())
  }
  return result
}

const yamlList = (value: string | undefined): string[] =>
  value === undefined ? [] : value.split('\n').map((line) => line.replace(/^- /, '').trim())
const REFERENCE = '#/definitions/'
const referenceOf = (schema: Message): string => text(one(schema, 1)).slice(REFERENCE.length)

/** How a field merges; `target` names a definition, or is undefined for scalars. */
interface Field {
  kind: 'map' | 'list' | 'values'
  keys: string[]
  target: string | undefined
}

function fieldOf(schema: Message): Field | undefined {
  if (one(schema, 1)) return { kind: 'map', keys: [], target: referenceOf(schema) }
  const marks = extensions(schema)
  const type = text(decode(one(schema, 22) ?? new Uint8Array()).get(1)?.[0])
  if (type === 'array') {
    if (!(marks.get('x-kubernetes-patch-strategy') ?? '').split(',').includes('merge')) return undefined
    const list = yamlList(marks.get('x-kubernetes-list-map-keys'))
    const single = marks.get('x-kubernetes-patch-merge-key')
    const item = decode(decode(one(schema, 23) ?? new Uint8Array()).get(1)?.[0] ?? new Uint8Array())
    return {
      kind: 'list',
      keys: list.length > 0 ? list : single === undefined ? [] : [single],
      target: one(item, 1) ? referenceOf(item) : undefined,
    }
  }
  const additional = one(decode(one(schema, 21) ?? new Uint8Array()), 1)
  if (additional === undefined) return undefined
  const value = decode(additional)
  return one(value, 1) ? { kind: 'values', keys: [], target: referenceOf(value) } : undefined
}

const quoted = (name: string): string => `  ${JSON.stringify(name)},`

function main(): void {
  const scratch = mkdtempSync(join(tmpdir(), 'schema-'))
  writeFileSync(join(scratch, 'go.mod'), 'module scratch\n')
  const info = JSON.parse(
    execFileSync('go', ['mod', 'download', '-json', MODULE], { cwd: scratch, encoding: 'utf8' }),
  ) as { Dir: string }
  const file = join(info.Dir, 'openapi/kubernetesapi', KUBERNETES.replaceAll('.', '_'), 'swagger.pb')
  const definitions = new Map<string, Map<string, Field>>()
  const types = new Map<string, string>()
  for (const [name, schema] of named(one(decode(readFileSync(file)), 9))) {
    const fields = new Map<string, Field>()
    for (const [key, value] of named(one(schema, 25))) {
      const field = fieldOf(value)
      if (field) fields.set(key, field)
    }
    definitions.set(name, fields)
    for (const gvk of (extensions(schema).get('x-kubernetes-group-version-kind') ?? '').split(/^- /m).filter(Boolean)) {
      const part = (key: string): string =>
        new RegExp(`^\\s*${key}: (.*)$`, 'm').exec(gvk)?.[1]?.replaceAll('"', '') ?? ''
      types.set(`${part('group')}${part('group') && '/'}${part('version')}/${part('kind')}`, name)
    }
  }
  // A definition matters when a merged list can be reached from it.
  const useful = new Set<string>()
  for (let grown = true; grown;) {
    grown = false
    for (const [name, fields] of definitions) {
      if (useful.has(name)) continue
      if ([...fields.values()].some((field) => field.kind === 'list' || useful.has(field.target ?? ''))) {
        useful.add(name)
        grown = true
      }
    }
  }
  const reachable = new Set<string>()
  const visit = (name: string): void => {
    if (reachable.has(name) || !useful.has(name)) return
    reachable.add(name)
    for (const field of definitions.get(name)?.values() ?? []) if (field.target !== undefined) visit(field.target)
  }
  for (const name of types.values()) visit(name)
  const order = [...reachable].toSorted()
  const index = new Map(order.map((name, position) => [name, position]))
  const print = (field: Field): string | undefined => {
    const target = index.get(field.target ?? '')
    if (field.kind === 'list') return `[${field.keys.join(',')}:${target ?? ''}`
    if (target === undefined) return undefined
    return field.kind === 'values' ? `{${target}` : `${target}`
  }
  const lines = order.map((name) => {
    const fields = [...(definitions.get(name) ?? [])].flatMap(([key, field]) => {
      const printed = print(field)
      return printed === undefined ? [] : [`${JSON.stringify(key)}:${JSON.stringify(printed)}`]
    })
    return `  {${fields.join(',')}}, // ${index.get(name)} ${name}`
  })
  const kinds = [...types]
    .filter(([, name]) => index.has(name))
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([type, name]) => `  ${JSON.stringify(type)}: ${index.get(name)},`)
  const output = [
    `// Generated by infra/gen/kustomize-schema.ts from ${MODULE} (Kubernetes ${KUBERNETES}). Do not edit.`,
    `/** Definitions from which a merged list can be reached; the generator's header explains the notation. */`,
    `export const DEFINITIONS: readonly { readonly [field: string]: string }[] = [`,
    ...lines,
    `]`,
    `/** The name of each definition, in the same order: other schemas refer to them. */`,
    `export const NAMES: readonly string[] = [`,
    ...order.map(quoted),
    `]`,
    `/** \`apiVersion/Kind\` -> index of its definition. */`,
    `export const KINDS: { readonly [type: string]: number } = {`,
    ...kinds,
    `}`,
    '',
  ].join('\n')
  writeFileSync(OUTPUT, output)
  const size = `${output.length} bytes, ${gzipSync(output).length} gzipped`
  console.log(`${order.length} definitions, ${kinds.length} kinds, ${size}`)
}

main()
