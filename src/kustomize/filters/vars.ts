import type { Diagnostic } from '../../base/index.ts'
import { isMap, type KubeValue, setKey } from '../../resources/index.ts'
import type { FieldSpec } from '../config/field-spec.ts'
import { problem } from '../problems.ts'
import { lookupField } from '../lookup.ts'
import { formatId, type ResourceId, sameGvkn, sameId } from '../resource-id.ts'
import type { ResourceList } from '../resource-list.ts'
import type { VarEntry } from '../types.ts'
import { readSlot, visitField, writeSlot } from './field-spec.ts'

/** Vars by name. */
export type VarSet = ReadonlyMap<string, VarEntry>

/** Adds vars; each object that one refers to is marked. Throws `kustomize-var-duplicate` and `kustomize-var-ambiguous`. */
export function mergeVars(known: VarSet, incoming: readonly VarEntry[], list: ResourceList): VarSet {
  const result = new Map(known)
  for (const entry of incoming) {
    const id = targetId(entry)
    const matches = list.matchingAnyId((one) => (id.namespace === '' ? sameGvkn(id, one) : sameId(id, one)))
    if (matches.length > 1) {
      throw problem(
        'kustomize-var-ambiguous',
        `found ${matches.length} resId matches for var ${entry.name} (${formatId(id)}); set objref.namespace`,
        {
          field: 'vars',
        },
      )
    }
    const match = matches[0]
    if (match !== undefined) match.varNames = [...match.varNames, entry.name]
    addVar(result, entry)
  }
  return result
}

/** All vars of both sets. Throws `kustomize-var-duplicate`. */
export function uniteVars(known: VarSet, other: VarSet): VarSet {
  if (other.size === 0) return known
  const result = new Map(known)
  for (const entry of other.values()) addVar(result, entry)
  return result
}

function addVar(vars: Map<string, VarEntry>, entry: VarEntry): void {
  if (vars.has(entry.name))
    throw problem('kustomize-var-duplicate', `var '${entry.name}' already encountered`, { field: 'vars' })
  vars.set(entry.name, entry)
}

function targetId(entry: VarEntry): ResourceId {
  const ref = entry.objref ?? {}
  const parts = ref.apiVersion ? ref.apiVersion.split('/') : []
  const [first = '', second = ''] = parts
  return {
    group: parts.length === 2 ? first : (ref.group ?? ''),
    version: parts.length === 2 ? second : parts.length === 1 ? first : (ref.version ?? ''),
    kind: ref.kind ?? '',
    name: ref.name ?? '',
    namespace: ref.namespace ?? '',
    clusterScoped: false,
  }
}

/** Replaces `$(NAME)` in the fields that `specs` name (api/filters/refvar). Returns a warning for vars that nothing uses. */
export function resolveVars(list: ResourceList, vars: VarSet, specs: readonly FieldSpec[]): Diagnostic[] {
  if (vars.size === 0) return []
  const values = new Map<string, KubeValue>()
  for (const entry of [...vars.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1)))
    values.set(entry.name, valueOf(list, entry))
  const used = new Set<string>()
  for (const { object } of list.items) {
    for (const spec of specs) {
      visitField(object, spec, undefined, (slot) => {
        const value = readSlot(slot)
        if (typeof value === 'string') writeSlot(slot, expand(value, values, used))
        else if (Array.isArray(value)) {
          for (const [index, item] of value.entries()) {
            if (typeof item !== 'string')
              throw problem('kustomize-var-field', `'${spec.path}': invalid value type, expected a text`)
            value[index] = expand(item, values, used)
          }
        } else if (isMap(value)) {
          for (const key of Object.keys(value)) {
            const item = value[key]
            if (typeof item === 'string') setKey(value, key, expand(item, values, used))
          }
        }
      })
    }
  }
  const unused = [...values.keys()].filter((name) => !used.has(name))
  if (unused.length === 0) return []
  return [
    {
      code: 'kustomize-var-unused',
      severity: 'warning',
      message: `well-defined vars that were never replaced: ${unused.join(',')}`,
      field: 'vars',
    },
  ]
}

function valueOf(list: ResourceList, entry: VarEntry): KubeValue {
  const path = entry.fieldref?.fieldPath || 'metadata.name'
  const source = list.items.find((one) => one.varNames.includes(entry.name))
  if (source === undefined) {
    throw problem(
      'kustomize-var-target',
      `var '${entry.name}' cannot be mapped to a field in the set of known resources`,
      { field: 'vars' },
    )
  }
  const value = lookupField(source.object, path.replaceAll(/\[(\d+)\](?=$|\.)/g, '.$1'))
  if (value === undefined) {
    throw problem(
      'kustomize-var-target',
      `field ${path} specified in var '${entry.name}' not found in ${source.describe()}`,
      { field: 'vars' },
    )
  }
  return value
}

/** Replaces every `$(name)`. `$$` stands for `$`; a text that is one reference and nothing else takes the type of the value. */
export function expand(text: string, values: ReadonlyMap<string, KubeValue>, used: Set<string>): KubeValue {
  let result = ''
  for (let at = 0; at < text.length; at++) {
    const character = text[at] ?? ''
    const next = text[at + 1]
    if (character !== '$' || next === undefined) {
      result += character
      continue
    }
    const end = next === '(' ? text.indexOf(')', at + 2) : -1
    if (next === '$') {
      result += '$'
      at++
    } else if (end < 0) {
      result += `$${next}`
      at++
    } else {
      const name = text.slice(at + 2, end)
      const value = values.get(name)
      const known = value !== undefined && value !== null && typeof value !== 'object'
      if (known) used.add(name)
      if (text === `$(${name})`) return known ? value : text
      result += known ? String(value) : `$(${name})`
      at = end
    }
  }
  return result
}
