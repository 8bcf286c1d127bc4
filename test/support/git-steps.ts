import { isEngineError } from '../../src/base/index.ts'
import { walkFiles } from '../../src/files/index.ts'
import {
  fetchArtifact,
  providerCredentials,
  resolveRevision,
  type FetchArtifactOptions,
  type GitDeps,
} from '../../src/sources/index.ts'

/** One look at a repository, as plain data so that it can be sent to a worker. */
export interface GitStep {
  readonly url: string
  readonly options?: Omit<FetchArtifactOptions, 'url' | 'credentials' | 'signal' | 'include' | 'onLfsPointer'>
  readonly secret?: { readonly [key: string]: string }
  readonly provider?: string
  /** Only resolves the reference. */
  readonly resolveOnly?: boolean
  /** Directories to fetch and read. */
  readonly prefetch?: readonly string[]
}

/** What was seen: the artifact with the files that were read, or the error. */
export interface GitSeen {
  readonly revision?: string
  readonly digest?: string
  readonly verified?: string
  readonly files?: { readonly [path: string]: string }
  readonly error?: { readonly code: string; readonly reason: string | undefined; readonly message: string }
}

/** Runs the steps at the same time. */
export async function runGitSteps(deps: GitDeps, steps: readonly GitStep[]): Promise<GitSeen[]> {
  return Promise.all(steps.map((step) => runStep(deps, step)))
}

async function runStep(deps: GitDeps, step: GitStep): Promise<GitSeen> {
  const { url, provider, secret } = step
  try {
    const credentials = await providerCredentials(deps, {
      url,
      namespace: 'test',
      ...(provider === undefined ? {} : { provider }),
      ...(secret === undefined ? {} : { secret }),
    })
    const options = { ...step.options, url, credentials }
    if (step.resolveOnly === true) return { revision: (await resolveRevision(deps, options)).revision }
    const artifact = await fetchArtifact(deps, options)
    const wanted = step.prefetch ?? ['']
    await artifact.prefetch(wanted)
    const files: { [path: string]: string } = {}
    for (const directory of wanted) {
      for (const [path, entry] of walkFiles(artifact.files, directory))
        if (entry.kind === 'file') files[path] = new TextDecoder().decode(artifact.files.read(path))
    }
    const { revision, digest, verified } = artifact
    return { revision, digest, files, ...(verified === undefined ? {} : { verified }) }
  } catch (error) {
    if (!isEngineError(error)) throw error
    return { error: { code: error.code, reason: error.reason, message: error.message } }
  }
}
