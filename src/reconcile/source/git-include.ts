import type { ArtifactStatus, GitRepository, GitRepositoryInclude } from '../../api/index.ts'
import { EngineError, isEngineError } from '../../base/index.ts'
import type { GitInclude, SourceArtifact } from '../../sources/index.ts'
import { idOfKey } from '../world.ts'
import type { SourceContext } from './index.ts'

/** The artifacts that `spec.include` names, in its order. */
export interface IncludedArtifacts {
  readonly includes: readonly GitInclude[]
  /** As they go into `.status.includedArtifacts`. */
  readonly artifacts: readonly ArtifactStatus[]
}

/**
 * The artifacts to include now: those of this run where their sources are part of it, else the recorded ones.
 *
 * Throws EngineError with reason `NotFound` or `NoArtifact` (`wait`) where one is not there. Repositories that include each other are refused: Flux copies whatever happens to be
 * stored, here there would be no end.
 */
export async function includedNow(ctx: SourceContext, object: GitRepository): Promise<IncludedArtifacts> {
  const includes: GitInclude[] = []
  const artifacts: ArtifactStatus[] = []
  for (const include of object.spec.include ?? []) {
    const { name } = include.repository
    const dependency = findRepository(ctx, object, name)
    if (dependency === undefined) {
      throw unavailable(
        `could not get resource for include '${name}': there is no GitRepository of that name`,
        'NotFound',
      )
    }
    if (includesItself(ctx, dependency, idOf(object))) {
      throw unavailable(`include '${name}' includes this repository in turn; remove one of the two`, 'IncludeCycle')
    }
    const artifact = await ctx.sources.artifact(keyOf(object, name)).catch((error: unknown) => {
      if (!isEngineError(error) || error.code !== 'artifact-missing') throw error
      throw unavailable(`no artifact available for include '${name}'`, 'NoArtifact')
    })
    // One that a plan is given was never recorded anywhere.
    const made = ctx.given === undefined ? undefined : statusOf(artifact)
    const recorded = findRepository(ctx, object, name)?.status?.artifact ?? made
    if (recorded === undefined) throw unavailable(`no artifact available for include '${name}'`, 'NoArtifact')
    includes.push(toInclude(include, artifact))
    artifacts.push(recorded)
  }
  return { includes, artifacts }
}

/**
 * The artifacts that the recorded artifact was made with. `fetchAt` gets the artifact of a repository at a revision that is not its current one.
 */
export async function includedBefore(
  ctx: SourceContext,
  object: GitRepository,
  fetchAt: (repository: GitRepository, revision: string) => Promise<SourceArtifact>,
): Promise<readonly GitInclude[]> {
  const recorded = object.status?.includedArtifacts ?? []
  const includes: GitInclude[] = []
  for (const [index, include] of (object.status?.observedInclude ?? []).entries()) {
    const { name } = include.repository
    const repository = findRepository(ctx, object, name)
    const revision = recorded[index]?.revision
    if (repository === undefined || revision === undefined || includesItself(ctx, repository, idOf(object))) {
      throw unavailable(`include '${name}' of the recorded artifact is not there any more`, 'NotFound')
    }
    const isCurrent = repository.status?.artifact?.revision === revision
    const current = isCurrent ? await ctx.sources.artifact(keyOf(object, name)) : undefined
    includes.push(toInclude(include, current?.revision === revision ? current : await fetchAt(repository, revision)))
  }
  return includes
}

function toInclude(include: GitRepositoryInclude, artifact: SourceArtifact): GitInclude {
  const { repository, fromPath, toPath } = include
  return {
    name: repository.name,
    files: artifact.files,
    revision: artifact.revision,
    // An empty text stands for the default, as in Flux.
    ...(fromPath === undefined || fromPath === '' ? {} : { fromPath }),
    ...(toPath === undefined || toPath === '' ? {} : { toPath }),
  }
}

function statusOf({ revision, digest }: SourceArtifact): ArtifactStatus {
  return { revision, digest, path: '', url: '', lastUpdateTime: '' }
}

function keyOf(object: GitRepository, name: string): { kind: string; namespace: string; name: string } {
  return { kind: 'GitRepository', namespace: object.metadata.namespace ?? '', name }
}

function idOf(object: GitRepository): string {
  return idOfKey(keyOf(object, object.metadata.name))
}

function findRepository(ctx: SourceContext, object: GitRepository, name: string): GitRepository | undefined {
  const found = ctx.world.get(idOfKey(keyOf(object, name)))
  return found?.kind === 'GitRepository' ? found : undefined
}

/** True where following includes from `repository` leads to `target`. */
function includesItself(ctx: SourceContext, repository: GitRepository, target: string): boolean {
  const todo = [repository]
  const seen = new Set<string>()
  for (let at = todo.pop(); at !== undefined; at = todo.pop()) {
    if (idOf(at) === target) return true
    if (seen.has(idOf(at))) continue
    seen.add(idOf(at))
    for (const include of [...(at.spec.include ?? []), ...(at.status?.observedInclude ?? [])]) {
      const next = findRepository(ctx, at, include.repository.name)
      if (next !== undefined) todo.push(next)
    }
  }
  return false
}

function unavailable(message: string, reason: string): EngineError {
  return new EngineError(message, { code: 'git-include-unavailable', reason, disposition: 'wait' })
}
