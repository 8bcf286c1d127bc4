import { DiagnosticsError, EngineError, toEngineError } from '../../base/index.ts'
import type { ObjectKey } from '../job.ts'
import type { SourceResults } from '../source/index.ts'
import { idOfKey, isSource, type Source, type World } from '../world.ts'
import { madeFrom } from './side-sources.ts'

/** Errors that say nothing of an object. */
const ofTheCluster: ReadonlySet<string> = new Set(['aborted', 'cluster-unreachable', 'kube-unauthorized'])

/** Where sources are looked for, and which of them have something of a secret in their spec. */
export interface SourcesOfWorld {
  readonly world: World
  readonly hasSecrets: (source: Source) => boolean
}

/**
 * Sources whose errors say that they are of a source, whatever went wrong there (a login, a signature, a registry): a plan names the phase. Messages are full of URLs: where one of the sources that take part has a secret
 * in its spec, that something went wrong is all that is said.
 */
export function markedSources(sources: SourceResults, of: SourcesOfWorld): SourceResults {
  const marked = async <T>(key: ObjectKey | undefined, work: Promise<T>): Promise<T> => {
    try {
      return await work
    } catch (caught) {
      const error = toEngineError(caught)
      if (ofTheCluster.has(error.code)) throw error
      throw key !== undefined && takesSecrets(of, idOfKey(key)) ? withoutMessage(error, key) : asSourceError(error)
    }
  }
  return {
    get fetchedAt() {
      return sources.fetchedAt
    },
    refresh: (key) => sources.refresh(key),
    forget: (key) => sources.forget(key),
    artifact: (key) => marked(key, sources.artifact(key)),
    artifactAt: (key, revision, options) => marked(key, sources.artifactAt(key, revision, options)),
    chart: (key) => marked(key, sources.chart(key)),
  }
}

function asSourceError(error: EngineError): EngineError {
  if (error instanceof DiagnosticsError || isPolicy(error)) return error
  const { message, code, disposition, data, retryAfterMs } = error
  return new EngineError(message, {
    code,
    reason: 'ArtifactFailed',
    disposition,
    data,
    cause: error,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  })
}

/** Whether a source, or one that it is made from, has a secret in its spec. */
function takesSecrets(of: SourcesOfWorld, id: string, seen: ReadonlySet<string> = new Set()): boolean {
  const source = of.world.get(id)
  if (!isSource(source) || seen.has(id)) return false
  if (of.hasSecrets(source)) return true
  const known = new Set([...seen, id])
  return madeFrom(source).some((one) => takesSecrets(of, one, known))
}

/** The cause is kept from logs, too: they are read by more people than the Secret. */
function withoutMessage(error: EngineError, { kind, namespace, name }: ObjectKey): EngineError {
  const { code, disposition, retryAfterMs } = error
  const isRefused = isPolicy(error)
  const what = isRefused ? 'is refused by a policy' : 'cannot be had'
  return new EngineError(
    `${kind} ${namespace}/${name} ${what}; why is not shown here, because a secret is part of its spec or of that of a source that it is made from: look at its status in the cluster`,
    {
      code,
      reason: isRefused ? 'AccessDenied' : 'ArtifactFailed',
      disposition,
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    },
  )
}

/** Whether a policy has refused something: a tenant's, or that against references to other namespaces. */
export function isPolicy({ code, reason }: Pick<EngineError, 'code' | 'reason'>): boolean {
  return code === 'tenancy-refused' || reason === 'AccessDenied'
}
