import { EngineError } from '../../base/index.ts'
import type { HelmRepository } from '../../api/index.ts'
import type { Chart } from '../../helm/index.ts'
import type { KubeClient } from '../../kube/index.ts'
import type { SourceArtifact } from '../../sources/index.ts'
import type { EventSink } from '../events.ts'
import type { EngineDeps, ObjectKey } from '../job.ts'
import type { HeldLock, JobLocks } from '../object-locks.ts'
import { idOfKey, isSource, refreshObject, type Managed, type Source, type World } from '../world.ts'
import { loadArtifactChart } from './artifact-chart.ts'
import { admitSource } from './admit-source.ts'
import { sharedArtifactAt } from './git-at.ts'
import { currentArtifactOf, refreshByKind } from './kinds.ts'

/** A chart of a source, ready to be rendered. */
export interface SourceChart {
  /** As src/helm reads it from the artifact. */
  readonly chart: Chart
  /** The version as it goes into a release: with build metadata, which for a chart of an OCIRepository is the start of its digest. */
  readonly version: string
  /** Revision of the artifact: the chart's version for a HelmChart, `<tag>@sha256:<digest>` for an OCIRepository. */
  readonly revision: string
  /** `sha256:<hex>` of the artifact. */
  readonly digest: string
  /** Digest of the manifest in the registry, for `.status.lastAttemptedRevisionDigest` and `ociDigest` of the history; only for an OCIRepository. */
  readonly ociDigest?: string
}

/** The sources of one run. Each is looked at and fetched at most once, whoever asks. */
export interface SourceResults {
  /** Looks at the server for a new revision and writes the source's status. Never rejects for what is wrong with the source. */
  refresh(key: ObjectKey): Promise<void>
  /**
   * The artifact of a source: of this run's refresh, or the one recorded in its status.
   * @throws EngineError with reason `ArtifactFailed` where the source is missing, of a kind not supported, or has no artifact.
   */
  artifact(key: ObjectKey | undefined): Promise<SourceArtifact>
  /**
   * The artifact of a GitRepository at another commit of its reference than the one that its status records. `isKnown`: it was at the reference before, so that nothing
   * has to be asked about that.
   * @throws EngineError as {@link artifact}; `pin-unreachable`, `pin-unsupported`.
   */
  artifactAt(key: ObjectKey, revision: string, options: { readonly isKnown: boolean }): Promise<SourceArtifact>
  /**
   * The chart of a HelmChart, OCIRepository or ExternalArtifact. A HelmChart that has just been written (its generation is not observed yet) is
   * built first, so a caller who applies one only has to put the answer into the world.
   * @throws EngineError as {@link artifact}; `chart-invalid` and the like, with reason `ArtifactFailed`, where the artifact is no chart.
   */
  chart(key: ObjectKey): Promise<SourceChart>
  /** Takes what is known of a source for out of date: what its status records is read again. */
  forget(key: ObjectKey): void
  /** When the last artifact of this run arrived, in milliseconds since 1970. */
  readonly fetchedAt: number | undefined
}

/** What the source steps need of a run. */
export interface SourceContext {
  readonly deps: EngineDeps
  readonly client: KubeClient
  readonly world: World
  readonly events: EventSink
  readonly signal: AbortSignal
  readonly locks: JobLocks
  /** A source that another job looks at is left to that one, unless it has no artifact yet and something is to be made from it. */
  readonly skipsLocked: boolean
  /** The other sources of the run: a chart is made from one. */
  readonly sources: Pick<SourceResults, 'refresh' | 'artifact'>
  /** Downloads that several sources of the run share, by a name of the caller's. */
  readonly shared: Map<string, Promise<unknown>>
  /** The artifact that a source is to have in place of the one that its status records; undefined for one that keeps it. */
  readonly given?: (ctx: SourceContext, object: Source) => Promise<SourceArtifact> | undefined
  /** Refuses a repository that a chart names for a part of itself, where not every one may be asked. */
  readonly admitRepository?: (repository: HelmRepository) => void
}

/** Makes the sources of one run. */
export function createSources(run: Omit<SourceContext, 'sources' | 'shared'>): SourceResults {
  const refreshed = new Map<
    string,
    { readonly generation: number; readonly artifact: Promise<SourceArtifact | undefined> }
  >()
  const current = new Map<string, Promise<SourceArtifact>>()
  let fetchedAt: number | undefined
  const noteTime = <T>(value: T): T => {
    fetchedAt = run.deps.clock.now()
    return value
  }
  /** Sources that were left to another job. */
  const left = new Set<string>()
  const look = async (id: string, isNeeded: boolean): Promise<SourceArtifact | undefined> => {
    const waits = isNeeded || !run.skipsLocked
    const lock = waits ? await run.locks.acquire(id, run.signal) : run.locks.tryAcquire(id)
    if (lock !== undefined) return await lookWith(ctx, id, lock)
    left.add(id)
    return undefined
  }
  const start = (id: string, isNeeded = false): Promise<SourceArtifact | undefined> => {
    const object = run.world.get(id)
    const generation = object?.metadata.generation ?? 0
    const known = refreshed.get(id)
    const isKnown = known?.generation === generation && !(isNeeded && left.delete(id))
    if (isKnown) return known.artifact
    const isServed = isSource(object) && run.world.serves(object)
    const artifact = isServed ? look(id, isNeeded).then(noteTime) : Promise.resolve(undefined)
    refreshed.set(id, { generation, artifact })
    current.delete(id)
    return artifact
  }
  const load = async (key: ObjectKey): Promise<SourceArtifact> => {
    const id = idOfKey(key)
    const before = run.world.get(id)
    const known = refreshed.get(id)
    const fresh = known?.generation === before?.metadata.generation ? await known?.artifact : undefined
    if (fresh !== undefined) return fresh
    const recorded = await recordedOf(ctx, id)
    if (recorded !== undefined) return noteTime(recorded)
    // Never fetched: a Kustomization of this run has just created it, or another job is fetching it. Nothing can be made before that, so that a scan waits for it too.
    const found = (await start(id, true)) ?? (await recordedOf(ctx, id))
    if (found !== undefined) return found
    throw notFetched(run.world.get(id), id)
  }
  const artifactOf = (key: ObjectKey | undefined): Promise<SourceArtifact> => {
    if (key === undefined) return Promise.reject(artifactFailed('the object names no source'))
    const id = idOfKey(key)
    const known = current.get(id) ?? load(key)
    current.set(id, known)
    return known
  }
  const results: SourceResults = {
    get fetchedAt() {
      return fetchedAt
    },
    refresh: async (key) => void (await start(idOfKey(key))),
    artifact: artifactOf,
    artifactAt: (key, revision, options) => sharedArtifactAt(ctx, key, revision, options),
    forget: (key) => {
      refreshed.delete(idOfKey(key))
      current.delete(idOfKey(key))
    },
    chart: async (key) => {
      const object = run.world.get(idOfKey(key))
      // What was written a moment ago says something else than what was built before.
      if (object?.kind === 'HelmChart' && object.metadata.generation !== object.status?.observedGeneration)
        await start(idOfKey(key))
      return loadArtifactChart(key, await artifactOf(key), run.deps.caches)
    },
  }
  const ctx: SourceContext = { ...run, sources: results, shared: new Map() }
  return results
}

/** One look at a time: of two jobs, the later one sees what the earlier has found. */
async function lookWith(ctx: SourceContext, id: string, lock: HeldLock): Promise<SourceArtifact | undefined> {
  try {
    if (ctx.locks.isTouched(id)) await refreshObject(ctx, id)
    const object = ctx.world.get(id)
    return isSource(object) ? await refreshByKind(ctx, object) : undefined
  } finally {
    lock.release()
  }
}

/** The artifact of a source as the last look has left it. */
async function recordedOf(ctx: SourceContext, id: string): Promise<SourceArtifact | undefined> {
  const object = ctx.world.get(id)
  if (!isSource(object)) throw artifactFailed(`Source '${id}' not found; create it, or correct the reference to it`)
  admit(ctx, object)
  return await (ctx.given?.(ctx, object) ?? currentArtifactOf(ctx, object))
}

/** Kinds whose file is at whoever serves them: to make it again would be to serve them. */
const madeHere: ReadonlySet<string> = new Set(['HelmChart', 'OCIRepository', 'Bucket'])

/** @throws EngineError of admitSource; `artifact-missing` for what others serve and keep to themselves. */
function admit(run: Pick<SourceContext, 'deps' | 'world'>, object: Source): void {
  admitSource(run, object)
  if (madeHere.has(object.kind) && !run.world.serves(object)) throw notServed(object)
}

function notServed({ kind, metadata }: Source): EngineError {
  const labels = kind === 'HelmChart' ? 'spec.chart.metadata.labels of its HelmRelease gives it labels' : 'label it'
  return artifactFailed(
    `${kind} '${metadata.namespace}/${metadata.name}' is not served here (watchLabelSelector), and what others have fetched cannot be read; ${labels}`,
  )
}

function notFetched(object: Managed | undefined, id: string): EngineError {
  const ready = isSource(object) ? object.status?.conditions?.find(({ type }) => type === 'Ready') : undefined
  return artifactFailed(`Source artifact not found: ${ready?.message ?? `${id} has not been fetched yet`}`)
}

function artifactFailed(message: string): EngineError {
  return new EngineError(message, { code: 'artifact-missing', reason: 'ArtifactFailed', disposition: 'wait' })
}
