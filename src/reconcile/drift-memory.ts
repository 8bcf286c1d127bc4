import type { IgnoreRule } from '../api/index.ts'
import type { Json } from '../base/index.ts'
import type { DriftPath } from '../kube/index.ts'
import type { StateStore } from '../ports/index.ts'
import type { EngineDeps, RecordedChange } from './job.ts'

/** Looks in a row that find the same difference, after which it counts as one that always comes back. */
const permanentAfter = 3
/** Differences of one object of ours that are remembered. */
const maxRemembered = 200
const ttlSeconds = 60 * 24 * 3600

/** Letters of a path or a name that are kept. */
const maxTextLength = 500

/** How often a difference was found in a row, and since when (milliseconds since 1970). */
interface Seen {
  readonly count: number
  readonly since: number
  /** What the last look found; notes of older versions have none. */
  readonly last?: KnownDifference
}

/** A difference as the last look found it. Values are those that records may show. */
export interface KnownDifference extends DriftPath {
  /** `Kind/namespace/name` of the object that differs. */
  readonly object: string
  /** What was done about it: put back (`configured`), or told only. */
  readonly action: string
  /** Milliseconds since 1970 of the last look. */
  readonly at: number
}

/** What is remembered of a difference, for pages. */
export interface DriftNote extends Omit<KnownDifference, 'since'> {
  /** Id of the Kustomization or HelmRelease. */
  readonly owner: string
  /** Looks in a row that have found it, and when the first one did (milliseconds since 1970). */
  readonly count: number
  readonly firstSeen: number
  /** When the manager wrote last (RFC 3339). */
  readonly writtenAt?: string
}

/** A difference that comes back each time, with the rule that would leave it alone. */
export interface PermanentDrift {
  /** `Kind/namespace/name`. */
  readonly object: string
  readonly path: string
  readonly manager?: string
  /** Milliseconds since 1970 when it was found first. */
  readonly since: number
  /** To be added to `spec.ignore` of a Kustomization, or `spec.driftDetection.ignore` of a HelmRelease. */
  readonly rule: IgnoreRule
}

/**
 * Remembers what a look for drift has found, and tells what was found in each of the last looks although it was put back: somebody else writes it again. Losing the
 * memory means that it is told later. Effects: at most one read and one write of the state store.
 *
 * @param id of the Kustomization or HelmRelease.
 */
export async function rememberDrift(
  { state, cluster, clock }: Pick<EngineDeps, 'state' | 'cluster' | 'clock'>,
  id: string,
  changes: readonly RecordedChange[],
): Promise<readonly PermanentDrift[]> {
  const key = `drift/${cluster.name}/${id}`
  const before = parse(await state.get(key))
  const now = clock.now()
  const found = changes.flatMap(({ object, action, drift }) => (drift ?? []).map((path) => ({ object, action, path })))
  const seen = new Map<string, Seen>()
  const permanent: PermanentDrift[] = []
  for (const { object, action, path } of found.slice(0, maxRemembered)) {
    const name = `${object} ${path.path}`
    const known = before.get(name)
    const last = { ...path, path: clip(path.path), object: clip(object), action, at: now }
    const next = { count: (known?.count ?? 0) + 1, since: known?.since ?? now, last }
    seen.set(name, next)
    const rule = next.count >= permanentAfter ? ruleFor(object, path) : undefined
    if (rule === undefined) continue
    const { manager } = path
    permanent.push({ object, path: path.path, since: next.since, rule, ...(manager === undefined ? {} : { manager }) })
  }
  if (seen.size === 0 && before.size > 0) await state.delete(key)
  else if (seen.size > 0)
    await state.put(key, JSON.parse(JSON.stringify(Object.fromEntries(seen))) as Json, { ttlSeconds })
  return permanent
}

/** The narrowest rule: this field of this object. Undefined where it is not known where in the object the field is. */
function ruleFor(object: string, { pointer }: Pick<DriftPath, 'pointer'>): IgnoreRule | undefined {
  const [kind, namespace, name] = splitKey(object)
  if (pointer === undefined || kind === undefined || name === undefined) return undefined
  const target = {
    kind: exactly(kind),
    name: exactly(name),
    ...(namespace === '' || namespace === undefined ? {} : { namespace: exactly(namespace) }),
  }
  return { paths: [pointer], target }
}

/** The rules that leave the given differences alone: one for each object, of its fields. What is not known well enough to be named is left out. */
export function ignoreRules(
  differences: readonly (Pick<DriftPath, 'pointer'> & { readonly object: string })[],
): readonly IgnoreRule[] {
  const byObject = Map.groupBy(differences, ({ object }) => object)
  return [...byObject.values()].flatMap((group) => {
    const rules = group.flatMap((one) => ruleFor(one.object, one) ?? [])
    const [first] = rules
    return first === undefined ? [] : [{ ...first, paths: [...new Set(rules.flatMap((rule) => rule.paths))] }]
  })
}

/** Fields of a target are regular expressions; a dot in a name is a dot. */
function exactly(text: string): string {
  return text.replaceAll(/[.+*?()[\]{}^$|\\]/g, String.raw`\$&`)
}

function splitKey(object: string): readonly (string | undefined)[] {
  const parts = object.split('/')
  return parts.length === 2 ? [parts[0], '', parts[1]] : [parts[0], parts[1], parts[2]]
}

/** The sentence for people, with the rule as it is written in YAML's flow style. */
export function describePermanent(found: readonly PermanentDrift[], field: string): string {
  const lines = found.map(({ object, path, manager, rule }) => {
    const by = manager === undefined ? '' : `, written by ${manager}`
    return `${object} ${path}${by}: ${JSON.stringify(rule)}`
  })
  return `These differences come back each time. To leave them alone, add to ${field}:\n${lines.join('\n')}`
}

function parse(value: Json | undefined): ReadonlyMap<string, Seen> {
  const seen = new Map<string, Seen>()
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return seen
  for (const [name, entry] of Object.entries(value)) {
    const { count, since, last } = (entry ?? {}) as { readonly [key: string]: unknown }
    if (typeof count !== 'number' || typeof since !== 'number') continue
    seen.set(name, { count, since, ...(isDifference(last) ? { last } : {}) })
  }
  return seen
}

function isDifference(value: unknown): value is KnownDifference {
  const { object, path } = (value ?? {}) as { readonly object?: unknown; readonly path?: unknown }
  return typeof object === 'string' && typeof path === 'string'
}

function clip(text: string): string {
  return text.length <= maxTextLength ? text : `${text.slice(0, maxTextLength)}…`
}

/** Objects of ours in a cluster whose differences are read for a page. */
const maxOwners = 1_000
const pageSize = 200

/**
 * The differences that the last look at each object of a cluster has found, as far as they are remembered. Lists of 200 entries.
 *
 * @param cluster name in the configuration.
 * @returns `omitted` says that there are more objects than are read.
 */
export async function readDriftNotes(
  state: Pick<StateStore, 'list'>,
  cluster: string,
): Promise<{ readonly notes: readonly DriftNote[]; readonly omitted: boolean }> {
  const prefix = `drift/${cluster}/`
  const notes: DriftNote[] = []
  let after: string | undefined
  for (let read = 0; read < maxOwners; read += pageSize) {
    const page = await state.list(prefix, { limit: pageSize, ...(after === undefined ? {} : { after }) })
    for (const { key, value } of page) notes.push(...notesOf(key.slice(prefix.length), value))
    if (page.length < pageSize) return { notes, omitted: false }
    after = page.at(-1)?.key
  }
  return { notes, omitted: true }
}

function notesOf(owner: string, value: Json): readonly DriftNote[] {
  return [...parse(value).values()].flatMap(({ count, since: firstSeen, last }) => {
    if (last === undefined) return []
    const { since: writtenAt, ...difference } = last
    return [{ ...difference, owner, count, firstSeen, ...(writtenAt === undefined ? {} : { writtenAt }) }]
  })
}
