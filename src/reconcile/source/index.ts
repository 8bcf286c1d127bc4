import type { GitRepository } from '../../api/index.ts'
import { EngineError } from '../../base/index.ts'
import type { KubeClient } from '../../kube/index.ts'
import { isSupportedSourceKind, unsupportedSourceKind, type SourceArtifact } from '../../sources/index.ts'
import type { EventSink } from '../events.ts'
import type { EngineDeps, ObjectKey } from '../job.ts'
import { idOfKey, type World } from '../world.ts'
import { currentArtifact, refreshGitRepository } from './git.ts'

/** The sources of one run. Each is looked at and fetched at most once, whoever asks. */
export interface SourceResults {
  /** Looks at the server for a new revision and writes the source's status. Never rejects for what is wrong with the source. */
  refresh(key: ObjectKey): Promise<void>
  /**
   * The artifact of a source: of this run's refresh, or the one recorded in its status.
   * @throws EngineError with reason `ArtifactFailed` where the source is missing, of a kind not supported, or has no artifact.
   */
  artifact(key: ObjectKey | undefined): Promise<SourceArtifact>
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
  /** The other sources of the run: one may include another. */
  readonly sources: Pick<SourceResults, 'refresh' | 'artifact'>
}

/** Makes the sources of one run. */
export function createSources(run: Omit<SourceContext, 'sources'>): SourceResults {
  const refreshed = new Map<string, Promise<SourceArtifact | undefined>>()
  const current = new Map<string, Promise<SourceArtifact>>()
  let fetchedAt: number | undefined
  const noteTime = <T>(value: T): T => {
    fetchedAt = run.deps.clock.now()
    return value
  }
  const load = async (key: ObjectKey): Promise<SourceArtifact> => {
    const fresh = await refreshed.get(idOfKey(key))
    if (fresh !== undefined) return fresh
    const object = ctx.world.get(idOfKey(key))
    if (!isSupportedSourceKind(key.kind)) throw artifactFailed(unsupportedSourceKind(key.kind).message)
    if (object?.kind !== 'GitRepository')
      throw artifactFailed(`Source '${idOfKey(key)}' not found; create it, or correct spec.sourceRef`)
    if (object.status?.artifact !== undefined) return noteTime(await currentArtifact(ctx, object))
    // Never fetched: a source that a Kustomization of this run has just created.
    if (!refreshed.has(idOfKey(key))) await results.refresh(key)
    const found = await refreshed.get(idOfKey(key))
    if (found !== undefined) return found
    const ready = (ctx.world.get(idOfKey(key)) as GitRepository | undefined)?.status?.conditions?.find(
      (condition) => condition.type === 'Ready',
    )
    throw artifactFailed(`Source artifact not found: ${ready?.message ?? `${idOfKey(key)} has not been fetched yet`}`)
  }
  const results: SourceResults = {
    get fetchedAt() {
      return fetchedAt
    },
    refresh: async (key) => {
      const id = idOfKey(key)
      const known = refreshed.get(id)
      if (known !== undefined) return void (await known)
      const object = ctx.world.get(id)
      if (object?.kind !== 'GitRepository') return
      const running = refreshGitRepository(ctx, object).then(noteTime)
      refreshed.set(id, running)
      await running
    },
    artifact: (key) => {
      if (key === undefined) return Promise.reject(artifactFailed('the object names no source'))
      const id = idOfKey(key)
      const known = current.get(id) ?? load(key)
      current.set(id, known)
      return known
    },
  }
  const ctx: SourceContext = { ...run, sources: results }
  return results
}

function artifactFailed(message: string): EngineError {
  return new EngineError(message, { code: 'artifact-missing', reason: 'ArtifactFailed', disposition: 'wait' })
}
