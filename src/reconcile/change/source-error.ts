import { DiagnosticsError, EngineError, toEngineError } from '../../base/index.ts'
import type { SourceResults } from '../source/index.ts'

/** Errors that are not about the source: they stay what they are. */
const others: ReadonlySet<string> = new Set(['aborted', 'cluster-unreachable', 'kube-unauthorized', 'tenancy-refused'])

/** Sources whose errors say that they are of a source, whatever went wrong there (a login, a signature, a registry): a plan names the phase. */
export function markedSources(sources: SourceResults): SourceResults {
  const marked = async <T>(work: Promise<T>): Promise<T> => {
    try {
      return await work
    } catch (caught) {
      throw asSourceError(toEngineError(caught))
    }
  }
  return {
    get fetchedAt() {
      return sources.fetchedAt
    },
    refresh: (key) => sources.refresh(key),
    forget: (key) => sources.forget(key),
    artifact: (key) => marked(sources.artifact(key)),
    artifactAt: (key, revision, options) => marked(sources.artifactAt(key, revision, options)),
    chart: (key) => marked(sources.chart(key)),
  }
}

function asSourceError(error: EngineError): EngineError {
  if (error instanceof DiagnosticsError || others.has(error.code) || error.reason === 'AccessDenied') return error
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
