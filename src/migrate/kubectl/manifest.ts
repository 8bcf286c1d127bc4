import { managedFieldsOf, matchesItem, uniteFields, type ManagedFieldsEntry } from '../../kube/index.ts'
import { equalValues, isMap, scalarText, type KubeMap, type KubeObject, type KubeValue } from '../../resources/index.ts'
import { metaMap } from '../maps.ts'
import { withoutDefaults } from './defaults.ts'

/** What somebody wants of an object, read from the object in the cluster. */
export interface Wish {
  /** The manifest to commit. */
  readonly manifest: KubeObject
  /** Where it is known from: what kubectl applied last, or who owns which fields. */
  readonly from: 'last-applied' | 'managers' | 'object'
  /** What is worth a word: values that somebody has changed since. */
  readonly notes: readonly string[]
}

/** The annotation in which `kubectl apply` keeps what it was given. */
export const lastApplied = 'kubectl.kubernetes.io/last-applied-configuration'

/** Parts of Kubernetes that write into the objects of others; what they wrote is nobody's wish. */
const system =
  /^(?:kube-controller-manager|kube-scheduler|kubelet|kube-apiserver|cloud-controller-manager|.*-cloud-controller-manager|k3s|k0s|rke2|cluster-autoscaler|vpa-.*|before-first-apply-status)$/

/** Metadata that a manifest has. The rest is the server's. */
const metadataFields: readonly string[] = ['name', 'namespace', 'labels', 'annotations']
const serverAnnotations =
  /^(?:deployment\.kubernetes\.io\/revision|deprecated\.daemonset\.template\.generation|pv\.kubernetes\.io\/.*|volume\.(?:beta\.)?kubernetes\.io\/.*|control-plane\.alpha\.kubernetes\.io\/leader|batch\.kubernetes\.io\/job-tracking)$/

/**
 * The manifest of an object that nobody has in Git: the fields that people have set, with the values that they have in the cluster. They are those of the last
 * `kubectl apply` and of every change that was made by hand since; of an object that was never applied, the fields of whoever wrote it, without what every object of its kind has. What
 * controllers have written (an autoscaler its replicas) is left out, also where a file once said it. Pure.
 */
export function wishOf(live: KubeObject): Wish {
  const people = managedFieldsOf(live).filter((entry) => !system.test(entry.manager) && entry.subresource !== 'status')
  const given = parseLastApplied(live)
  if (given !== undefined) {
    const notes: string[] = []
    const others = trieOf(managedFieldsOf(live).filter((entry) => !people.includes(entry)))
    const owned = trieOf(people)
    const followed = follow(given, live, { path: '', notes, others, owned })
    const later = trieOf(people.filter(({ manager }) => manager !== 'kubectl-client-side-apply'))
    const manifest = merge(mapOr(followed), ownedPart(live, later))
    return { manifest: asManifest(live, manifest), from: 'last-applied', notes }
  }
  const trie = trieOf(people)
  if (Object.keys(trie).length === 0)
    return {
      manifest: asManifest(live, withoutDefaults(live)),
      from: 'object',
      notes: ['nobody owns a field of it: all of it is taken'],
    }
  return { manifest: asManifest(live, withoutDefaults(mapOr(project(live, trie)), live)), from: 'managers', notes: [] }
}

/**
 * Manifests with more and more of the fields that people own, also those that the server filled in when they created the object: for where leaving them out would change something. First without what has
 * the value that the server would give it again, then with all of them. Pure.
 */
export function widerWishes(live: KubeObject): readonly KubeObject[] {
  const people = managedFieldsOf(live).filter((entry) => !system.test(entry.manager) && entry.subresource !== 'status')
  const owned = ownedPart(live, trieOf(people))
  return [asManifest(live, withoutDefaults(owned, live)), asManifest(live, owned)]
}

function parseLastApplied(live: KubeObject): KubeMap | undefined {
  const text = metaMap(live, 'annotations')[lastApplied]
  try {
    const value: unknown = text === undefined ? undefined : JSON.parse(text)
    return isMap(value as KubeValue) ? (value as KubeMap) : undefined
  } catch {
    return undefined // Somebody has cut it off; the owners of the fields are known all the same.
  }
}

/** All fields of entries. Those of `scale` count: it is how people scale, too. */
export function trieOf(entries: readonly ManagedFieldsEntry[]): KubeMap {
  return entries.reduce<KubeMap>((trie, { fieldsV1 = {} }) => uniteFields(trie, fieldsV1), {})
}

/** The fields of an object that a trie names. An empty one names none: only inside of an object it stands for a whole value. */
function ownedPart(live: KubeObject, trie: KubeMap): KubeMap {
  return Object.keys(trie).length === 0 ? {} : mapOr(project(live, trie))
}

/** The part of a value that a trie of owned fields names; undefined where nothing of it is there. Pure. */
export function project(value: KubeValue | undefined, trie: KubeMap): KubeValue | undefined {
  const keys = Object.keys(trie).filter((key) => key !== '.')
  if (value === undefined || (keys.length === 0 && !Object.hasOwn(trie, '.'))) return value
  if (Array.isArray(value)) {
    const items = value.flatMap((item) => {
      const key = keys.find((one) => matchesItem(one, item))
      if (key === undefined) return []
      if (key.startsWith('v:')) return [item]
      const part = mapOr(project(item, mapOr(trie[key])))
      return [{ ...(JSON.parse(key.slice(2)) as KubeMap), ...part }]
    })
    return items.length === 0 ? undefined : items
  }
  if (!isMap(value)) return value
  const entries = keys.flatMap((key) => {
    const field = key.slice(2)
    if (!key.startsWith('f:') || !Object.hasOwn(value, field)) return []
    const part = project(value[field], mapOr(trie[key]))
    return part === undefined ? [] : [[field, part] as const]
  })
  if (entries.length === 0 && !Object.hasOwn(trie, '.')) return undefined
  return Object.fromEntries(entries)
}

interface Following {
  readonly path: string
  readonly notes: string[]
  /** What controllers own, and what people own, at this place. */
  readonly others: KubeMap | undefined
  readonly owned: KubeMap | undefined
}

/** What was applied once, with the values of today. */
function follow(wish: KubeValue, live: KubeValue | undefined, at: Following): KubeValue | undefined {
  if (live === undefined) {
    if (wish !== null) at.notes.push(`${at.path} was applied once and is not there any more: it is left out`)
    return undefined
  }
  if (isMap(wish) && isMap(live)) {
    const entries = Object.entries(wish).flatMap(([field, value]) => {
      const inside = step(at, `f:${field}`, `${at.path}.${field}`)
      if (isLeaf(inside.others) && inside.owned === undefined && !equalValues(value, live[field])) {
        at.notes.push(`${inside.path} is set by a controller: it is left out`)
        return []
      }
      const part = follow(value, live[field], inside)
      return part === undefined ? [] : [[field, part] as const]
    })
    return Object.fromEntries(entries)
  }
  if (Array.isArray(wish) && Array.isArray(live)) return followList(wish, live, at)
  if (!equalValues(wish, live) && !isSameQuantity(wish, live))
    at.notes.push(`${at.path} is not what was applied last: the value of the cluster is taken`)
  return live
}

function followList(wish: readonly KubeValue[], live: readonly KubeValue[], at: Following): KubeValue {
  const keyOf = (item: KubeValue): string | undefined => {
    const map = mapOr(item)
    const fields = ['name', 'containerPort', 'port', 'mountPath', 'key', 'ip', 'type', 'topologyKey']
    const field = fields.find((one) => Object.hasOwn(map, one))
    const protocol = field === 'port' || field === 'containerPort' ? `/${scalarText(map['protocol']) || 'TCP'}` : ''
    return field === undefined ? undefined : `${field}=${scalarText(map[field])}${protocol}`
  }
  return live.map((item, index) => {
    const key = keyOf(item)
    const before =
      key === undefined
        ? wish.length === live.length
          ? wish[index]
          : undefined
        : wish.find((one) => keyOf(one) === key)
    if (before === undefined) return item
    const tag = Object.keys(at.owned ?? {}).find((one) => matchesItem(one, item))
    const other = Object.keys(at.others ?? {}).find((one) => matchesItem(one, item))
    const inside: Following = {
      path: `${at.path}[${index}]`,
      notes: at.notes,
      owned: tag === undefined ? undefined : mapOr(at.owned?.[tag]),
      others: other === undefined ? undefined : mapOr(at.others?.[other]),
    }
    return follow(before, item, inside) ?? item
  })
}

function step(at: Following, key: string, path: string): Following {
  const child = (trie: KubeMap | undefined): KubeMap | undefined =>
    trie !== undefined && Object.hasOwn(trie, key) ? mapOr(trie[key]) : undefined
  return { path, notes: at.notes, others: child(at.others), owned: child(at.owned) }
}

function isLeaf(trie: KubeMap | undefined): boolean {
  return trie !== undefined && Object.keys(trie).every((key) => key === '.')
}

/** The server prints quantities in its own way: `1000m` becomes `1`. */
function isSameQuantity(a: KubeValue, b: KubeValue): boolean {
  return /^[\d.]+[A-Za-z]*$/.test(scalarText(a)) && /^[\d.]+[A-Za-z]*$/.test(scalarText(b))
}

/** `a` with what `b` has besides. */
function merge(a: KubeMap, b: KubeMap): KubeMap {
  const result: KubeMap = { ...a }
  for (const [key, value] of Object.entries(b)) {
    const known = result[key]
    if (known === undefined) result[key] = value
    else if (isMap(known) && isMap(value)) result[key] = merge(known, value)
    else if (Array.isArray(known) && Array.isArray(value)) result[key] = mergeLists(known, value)
  }
  return result
}

function mergeLists(a: readonly KubeValue[], b: readonly KubeValue[]): KubeValue[] {
  const named = (item: KubeValue): string => (isMap(item) ? scalarText(item['name']) : '')
  return a.map((item) => {
    const other = named(item) === '' ? undefined : b.find((one) => named(one) === named(item))
    return isMap(item) && isMap(other) ? merge(item, other) : item
  })
}

/** A manifest has no status and of the metadata what people give. */
function asManifest(live: KubeObject, wish: KubeMap): KubeObject {
  const { apiVersion: _a, kind: _k, metadata: _m, status: _s, ...rest } = wish
  const metadata = mapOr(wish['metadata'])
  const known: KubeMap = {}
  for (const field of metadataFields) {
    const value = field === 'name' || field === 'namespace' ? mapOr(live['metadata'])[field] : metadata[field]
    const kept = field === 'annotations' && isMap(value) ? withoutServerAnnotations(value) : value
    if (kept === undefined || (isMap(kept) && Object.keys(kept).length === 0)) continue
    known[field] = kept
  }
  return { apiVersion: live['apiVersion'] ?? '', kind: live['kind'] ?? '', metadata: known, ...rest }
}

function withoutServerAnnotations(annotations: KubeMap): KubeMap {
  return Object.fromEntries(
    Object.entries(annotations).filter(([key]) => key !== lastApplied && !serverAnnotations.test(key)),
  )
}

function mapOr(value: KubeValue | undefined): KubeMap {
  return isMap(value) ? value : {}
}
