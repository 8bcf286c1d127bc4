import { toEngineError, type Json } from '../../base/index.ts'
import type { EngineDeps, NodeRecord, ObjectKey } from '../job.ts'
import type { Held } from '../safety/decide.ts'
import { readShards } from '../summary/shards.ts'
import { artifactKeyOf, idOf, idOfKey, keyOf, type Workload, type World } from '../world.ts'
import type { ChangesPolicy } from './policy.ts'
import { decideWave, type FirstCluster } from './wave-decision.ts'

/** What a run knows of the clusters that go before its own. */
export interface Waves {
  /** Why a new revision is not applied yet; undefined where it may be, and where there is none. */
  readonly held: (object: Workload, wanted: string | undefined) => Promise<Held | undefined>
  /** Remembers what waits, so that the run of the other cluster wakes it, and asks for a run at the time that is known. */
  readonly finish: () => Promise<void>
}

type Deps = Pick<EngineDeps, 'cluster' | 'state' | 'clock' | 'requests' | 'logger'>

/** What waits for other clusters, under `wave-waits/<cluster>`. Losing it means that the next scan looks instead. */
interface WaveWait {
  readonly objects: readonly ObjectKey[]
  /** When a run was asked for, milliseconds since 1970. */
  readonly wakeAt?: number
}

const maxNoted = 500
/** Longer delays do not fit into every queue; the scans look meanwhile. */
const maxDelayMs = 12 * 3600_000
const ttlSeconds = 7 * 24 * 3600
const actor = 'wave'

/** See {@link Waves}. What is known of the other clusters is read once, and only when something new is there to be applied. */
export function createWaves({
  deps,
  policy,
  world,
}: {
  readonly deps: Deps
  readonly policy: ChangesPolicy
  readonly world: World
}): Waves {
  const { after = [], healthyForMs = 0 } = policy
  /** What was looked at, and whether it waits. */
  const looked = new Map<string, ObjectKey | undefined>()
  let wakeAt: number | undefined
  let known: Promise<readonly FirstCluster[]> | undefined
  const firsts = (): Promise<readonly FirstCluster[]> =>
    (known ??= Promise.all(after.map((name) => readFirst(deps, name))))
  return {
    held: async (object, wanted) => {
      const key = artifactKeyOf(object)
      if (after.length === 0 || key === undefined || wanted === undefined || !isNew(world, object, wanted))
        return undefined
      const now = deps.clock.now()
      const source = { ...key, url: urlOf(world, key) }
      for (const first of await firsts()) {
        const held = decideWave(first, { kind: object.kind, source, revision: wanted, healthyForMs, now })
        if (held === undefined) continue
        looked.set(idOf(object), keyOf(object))
        if (held.until !== undefined) wakeAt = Math.min(wakeAt ?? held.until, held.until)
        return held
      }
      looked.set(idOf(object), undefined)
      return undefined
    },
    finish: () => (looked.size === 0 ? Promise.resolve() : noteWaiting(deps, looked, wakeAt)),
  }
}

/** Whether a revision has not been tried on an object: one that was begun goes on, whatever happens elsewhere meanwhile. */
function isNew(world: World, object: Workload, wanted: string): boolean {
  const { lastAttemptedRevision: attempted } = object.status ?? {}
  if (object.metadata.deletionTimestamp !== undefined || attempted === wanted) return false
  return object.kind === 'HelmRelease' || world.appliedRevision(object) !== wanted
}

function urlOf(world: World, key: ObjectKey): string | undefined {
  const source = world.get(idOfKey(key))
  const url = source !== undefined && 'url' in source.spec ? source.spec.url : undefined
  return typeof url === 'string' ? url : undefined
}

async function readFirst({ state }: Deps, name: string): Promise<FirstCluster> {
  const [shards, status] = await Promise.all([readShards(state, name), state.get(`clusters/${name}`)])
  const { failingSince } = (status ?? {}) as { readonly failingSince?: unknown }
  return {
    name,
    failingSince: typeof failingSince === 'number' ? failingSince : undefined,
    objects: [...shards.values()].flatMap(({ objects }) => [...objects.values()]),
  }
}

async function noteWaiting(
  deps: Deps,
  looked: ReadonlyMap<string, ObjectKey | undefined>,
  wakeAt: number | undefined,
): Promise<void> {
  const { state, cluster, clock, requests, logger } = deps
  const key = waveKey(cluster.name)
  try {
    const known = (await state.get(key)) as unknown as WaveWait | undefined
    const others = (known?.objects ?? []).filter((one) => !looked.has(idOfKey(one)))
    const noted = [...[...looked.values()].filter((one) => one !== undefined), ...others].slice(0, maxNoted)
    if (noted.length === 0) return known === undefined ? undefined : await state.delete(key)
    const delayMs = wakeAt === undefined ? undefined : Math.max(0, wakeAt - clock.now())
    const mustAsk = requests !== undefined && delayMs !== undefined && delayMs <= maxDelayMs && known?.wakeAt !== wakeAt
    if (mustAsk) await requests.run({ cluster: cluster.name, objects: noted, delayMs, actor })
    const wait: WaveWait = { objects: noted, ...(wakeAt === undefined ? {} : { wakeAt }) }
    if (JSON.stringify(known) !== JSON.stringify(wait)) await state.put(key, asJson(wait), { ttlSeconds })
  } catch (caught) {
    const { code, message } = toEngineError(caught)
    logger.log('warn', 'what waits for other clusters was not noted', { code, error: message })
  }
}

/**
 * After a run that brought something: looks are asked for at what waits on the clusters that follow this one. Never rejects: their scans look in any case.
 *
 * Effects: one read for each cluster that follows, and a run for each that waits.
 */
export async function wakeFollowers(
  deps: Pick<EngineDeps, 'state' | 'requests' | 'logger' | 'followers'>,
  records: Iterable<NodeRecord>,
): Promise<void> {
  const { followers = [], requests, state, logger } = deps
  if (followers.length === 0 || requests === undefined || ![...records].some(({ state: end }) => end === 'ready'))
    return
  for (const cluster of followers) {
    try {
      const wait = (await state.get(waveKey(cluster))) as unknown as WaveWait | undefined
      if (wait === undefined || !Array.isArray(wait.objects)) continue
      await requests.run({ cluster, objects: wait.objects, delayMs: 0, actor })
    } catch (caught) {
      const { code, message } = toEngineError(caught)
      logger.log('warn', 'a cluster that follows was not woken', { cluster, code, error: message })
    }
  }
}

function waveKey(cluster: string): string {
  return `wave-waits/${cluster}`
}

function asJson(value: object): Json {
  return JSON.parse(JSON.stringify(value)) as Json
}
