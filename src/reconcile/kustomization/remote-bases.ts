import { EngineError, isEngineError, printUrl } from '../../base/index.ts'
import { retryPending } from '../../files/index.ts'
import {
  parseRepositoryUrl,
  type RemoteContent,
  type RepositoryUrl,
  type ResolveRemote,
} from '../../kustomize/index.ts'
import { fetchArtifact, fetchBytes, type GitDeps } from '../../sources/index.ts'
import type { RunContext } from '../context.ts'

/** What remote resources of one Kustomization are fetched with. */
export interface RemoteBases {
  /** What was fetched so far. */
  readonly resolve: ResolveRemote
  /** Fetches what a build has asked for. */
  load(urls: readonly string[]): Promise<void>
}

/** Largest file that is fetched by its URL. */
const maxFileBytes = 10 << 20
/** Remote resources of one build; some lead to others. */
const maxRemotes = 100
const fileTimeoutMs = 27_000
/** Errors that a server's answer gave, not its silence. */
const statusCodes: ReadonlySet<string> = new Set([
  'source-not-found',
  'source-refused',
  'source-denied',
  'source-unavailable',
])

/**
 * Fetches the files and Git repositories that a kustomization names by URL, as kustomize does (5.8, loader and git cloner): a file over HTTP where the URL gives one, otherwise the
 * repository. Always anonymously: a credential of the deployment or of the source must not go to where a tenant points. Only hosts that sources may be fetched from. What was fetched is
 * kept for one build; a branch is looked up again by the next.
 */
export function createRemoteBases(ctx: Pick<RunContext, 'deps' | 'signal'>): RemoteBases {
  const known = new Map<string, RemoteContent>()
  return {
    resolve: (url) => known.get(url),
    load: async (urls) => {
      const wanted = [...new Set(urls)].filter((url) => !known.has(url))
      if (known.size + wanted.length > maxRemotes) {
        throw buildError('too-many-remotes', `more than ${maxRemotes} remote resources; copy them into the source`)
      }
      await Promise.all(wanted.map(async (url) => known.set(url, await fetchRemote(ctx, url))))
    },
  }
}

async function fetchRemote(ctx: Pick<RunContext, 'deps' | 'signal'>, url: string): Promise<RemoteContent> {
  const repository = parseRepositoryUrl(url)
  const isHttp = /^https?:\/\//i.test(url)
  try {
    const text = isHttp ? await fetchFile(ctx, url, repository !== undefined) : undefined
    if (text !== undefined) return { text }
    if (repository === undefined) throw buildError('remote-not-found', 'this is no file, and no Git repository')
    return await fetchRepository(ctx, repository)
  } catch (error) {
    if (!isEngineError(error)) throw error
    throw new EngineError(`the remote resource ${printUrl(url)} cannot be fetched: ${error.message}`, {
      code: error.code,
      reason: 'BuildFailed',
      disposition: error.disposition === 'stall' ? 'stall' : 'retry',
      cause: error,
    })
  }
}

/** The file at a URL; undefined where there is none but the URL may be that of a repository. */
async function fetchFile(
  ctx: Pick<RunContext, 'deps' | 'signal'>,
  url: string,
  mayBeRepository: boolean,
): Promise<string | undefined> {
  const { http, clock, settings } = ctx.deps
  const signal = AbortSignal.any([ctx.signal, AbortSignal.timeout(fileTimeoutMs)])
  const request = { method: 'GET' as const, url: new URL(url), credentials: {}, signal }
  try {
    const { bytes, response } = await fetchBytes({ http, clock, egress: settings.egress }, request, {
      reason: 'BuildFailed',
      maxBytes: maxFileBytes,
      ...(mayBeRepository ? { attempts: 1 } : {}),
    })
    // A forge answers with the page of a repository.
    const isPage = /^text\/html/i.test(response.headers['content-type'] ?? '')
    if (isPage && mayBeRepository) return undefined
    return new TextDecoder().decode(bytes)
  } catch (error) {
    // Any status but success sends kustomize to the repository.
    if (isEngineError(error) && mayBeRepository && statusCodes.has(error.code)) return undefined
    throw error
  }
}

async function fetchRepository(
  ctx: Pick<RunContext, 'deps' | 'signal'>,
  repository: RepositoryUrl,
): Promise<RemoteContent> {
  const { http, clock, limits, settings, caches } = ctx.deps
  if (!/^https?:\/\//i.test(repository.url)) {
    throw buildError('remote-unsupported', 'remote bases are fetched without credentials, over https only')
  }
  const deps: GitDeps = {
    http,
    clock,
    cache: caches.git,
    limits: { ...limits.git, timeoutMs: repository.timeoutMs },
    egress: settings.egress,
  }
  const signal = AbortSignal.any([ctx.signal, AbortSignal.timeout(repository.timeoutMs)])
  const options = { url: repository.url, recurseSubmodules: repository.submodules, ignore: '!/**', signal }
  const artifact = await firstReference(repository.ref, (ref) => fetchArtifact(deps, { ...options, ref }))
  await artifact.prefetch([repository.path], ctx.signal)
  const found = await retryPending(() => artifact.files.stat(repository.path)?.kind, ctx.signal)
  if (found !== 'directory') {
    throw buildError('remote-not-found', `it has no directory '${repository.path}' at ${artifact.revision}`)
  }
  return { files: artifact.files, path: repository.path }
}

type Reference = { readonly commit: string } | { readonly name: string }

/** What `git fetch origin <ref>` would find: a commit by its id, a branch, a tag, or any other reference by its full name. */
async function firstReference<T>(ref: string | undefined, fetch: (ref: Reference) => Promise<T>): Promise<T> {
  if (ref === undefined) return fetch({ name: 'HEAD' })
  if (/^[0-9a-f]{40}$/.test(ref)) return fetch({ commit: ref })
  const names = ref.startsWith('refs/') ? [ref] : [`refs/tags/${ref}`, `refs/heads/${ref}`]
  for (const name of names) {
    try {
      return await fetch({ name })
    } catch (error) {
      if (!isEngineError(error) || error.code !== 'git-reference-not-found') throw error
    }
  }
  throw buildError('remote-not-found', `it has no branch or tag '${ref}'`)
}

function buildError(code: string, message: string): EngineError {
  return new EngineError(message, { code, reason: 'BuildFailed', disposition: 'retry' })
}
