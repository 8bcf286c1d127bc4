import type { IgnoreRule } from '../api/index.ts'
import type { Json } from '../base/index.ts'
import type { DriftPath } from '../kube/index.ts'
import type { EngineDeps, RecordedChange } from './job.ts'

/** Looks in a row that find the same difference, after which it counts as one that always comes back. */
const permanentAfter = 3
/** Differences of one object of ours that are remembered. */
const maxRemembered = 200
const ttlSeconds = 60 * 24 * 3600

/** How often a difference was found in a row, and since when (milliseconds since 1970). */
interface Seen {
  readonly count: number
  readonly since: number
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
  const found = changes.flatMap(({ object, drift }) => (drift ?? []).map((path) => ({ object, path })))
  const seen = new Map<string, Seen>()
  const permanent: PermanentDrift[] = []
  for (const { object, path } of found.slice(0, maxRemembered)) {
    const name = `${object} ${path.path}`
    const known = before.get(name)
    const next = { count: (known?.count ?? 0) + 1, since: known?.since ?? now }
    seen.set(name, next)
    const rule = next.count >= permanentAfter ? ruleFor(object, path) : undefined
    if (rule === undefined) continue
    const { manager } = path
    permanent.push({ object, path: path.path, since: next.since, rule, ...(manager === undefined ? {} : { manager }) })
  }
  if (seen.size === 0 && before.size > 0) await state.delete(key)
  else if (seen.size > 0) await state.put(key, Object.fromEntries(seen) as unknown as Json, { ttlSeconds })
  return permanent
}

/** The narrowest rule: this field of this object. */
function ruleFor(object: string, { pointer }: DriftPath): IgnoreRule | undefined {
  const [kind, namespace, name] = splitKey(object)
  if (pointer === undefined || kind === undefined || name === undefined) return undefined
  const target = {
    kind: exactly(kind),
    name: exactly(name),
    ...(namespace === '' || namespace === undefined ? {} : { namespace: exactly(namespace) }),
  }
  return { paths: [pointer], target }
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
    const { count, since } = (entry ?? {}) as { readonly count?: unknown; readonly since?: unknown }
    if (typeof count === 'number' && typeof since === 'number') seen.set(name, { count, since })
  }
  return seen
}
