import type { GitHttpRequest, GitHttpResponse } from 'isomorphic-git'
import { concatBytes, isEngineError, printUrl } from '../../base/index.ts'
import { gitDataError, gitError, gitUnsupported } from './errors.ts'
import type { GitLimits } from './limits.ts'
import { MemoryFs } from './memory-fs.ts'
import type { GitObject } from './object-id.ts'
import { readPack } from './pack.ts'
import type { GitRemote } from './remote.ts'

/** What isomorphic-git is told in place of the URL: it knows only http and https, and the requests go through the engine's client anyway. */
export const placeholder = 'https://repository.invalid/it'

/**
 * Fetches a commit with all its files from a server that speaks only version 1 of the protocol: isomorphic-git negotiates and receives, into a file system in memory; the pack that it
 * received is then read and verified as any other. Loaded only when it is needed, because it needs Node's Buffer (nodejs_compat on Workers).
 *
 * `reference` is what the commit was resolved from; a commit alone cannot be asked for in version 1. Throws EngineErrors as the rest of the Git client.
 */
export async function fetchVersion1(
  remote: GitRemote,
  limits: GitLimits,
  commit: string,
  reference: string | undefined,
): Promise<Map<string, GitObject>> {
  if (reference === undefined) {
    throw gitUnsupported(
      `spec.ref.commit alone at ${printUrl(remote.url)}, whose server speaks only version 1 of the Git protocol,`,
      'name the branch too, or update the server',
    )
  }
  // The default export: a bundle of it for Node has no other.
  const { default: git } = await import('isomorphic-git')
  const fs = new MemoryFs(limits.maxPackBytes)
  const { base } = await remote.server()
  try {
    await git.init({ fs, dir: '/', gitdir: '/git', bare: true })
    await git.addRemote({ fs, gitdir: '/git', remote: 'origin', url: placeholder })
    await git.fetch({
      fs,
      gitdir: '/git',
      ref: reference.replace(/\^\{\}$/, ''),
      singleBranch: true,
      depth: 1,
      tags: false,
      http: { request: (request) => sendFor(remote, base, request) },
    })
  } catch (error) {
    if (isEngineError(error)) throw error
    throw gitError(`fetching ${printUrl(remote.url)} over version 1 of the Git protocol failed`, {
      code: 'git-connection',
      disposition: 'retry',
      cause: error,
    })
  }
  const objects = new Map<string, GitObject>()
  for (const [path, data] of fs.files()) {
    if (!path.endsWith('.pack')) continue
    for (const [id, object] of readPack(data, limits)) objects.set(id, object)
  }
  if (!objects.has(commit)) throw gitDataError('the branch moved while it was fetched')
  return objects
}

/** The HTTP client that isomorphic-git is given: the engine's own, with its rules for redirects, credentials and deadlines. */
export async function sendFor(remote: GitRemote, base: string, request: GitHttpRequest): Promise<GitHttpResponse> {
  const parts: Uint8Array[] = []
  for await (const part of request.body ?? []) parts.push(part)
  const response = await remote.send({
    method: request.method === 'POST' ? 'POST' : 'GET',
    url: new URL(request.url.replace(placeholder, base)),
    headers: request.headers ?? {},
    ...(parts.length === 0 ? {} : { body: concatBytes(parts) }),
  })
  return {
    url: request.url,
    headers: { ...response.headers },
    body: iterate(response.body),
    statusCode: response.status,
    statusMessage: String(response.status),
  }
}

async function* iterate(body: ReadableStream<Uint8Array> | null): AsyncIterableIterator<Uint8Array> {
  yield* body ?? []
}
