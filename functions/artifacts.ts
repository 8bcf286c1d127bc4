import { newRunId } from '../src/coordinator/index.ts'
import { sha256Hex } from '../src/base/index.ts'
import { matchesAnySecret } from '../src/receivers/index.ts'
import { artifactFileDigest, artifactSignature, type ArtifactName } from '../src/sources/index.ts'
import { authorize } from './authorize.ts'
import { dispatch } from './deliveries.ts'
import type { FunctionDeps } from './deps.ts'
import { errorResponse } from './http-errors.ts'

/** The kinds in an artifact's path, as they are called in the cluster. */
const kinds: { readonly [kind: string]: string } = {
  gitrepository: 'GitRepository',
  ocirepository: 'OCIRepository',
  helmrepository: 'HelmRepository',
  helmchart: 'HelmChart',
  bucket: 'Bucket',
  externalartifact: 'ExternalArtifact',
}

/** An artifact that is not at hand is looked for at most this often. */
const wishTtlSeconds = 60

/**
 * `GET` and `HEAD /artifacts/<cluster>/<kind>/<namespace>/<name>/<file>`: the file of an artifact, as `.status.artifact` describes it, for tools that read it. Let in are the
 * signed link of the status and bearers of a trigger token. One that is not at hand any more is made again by a run; the answer is then 404 with `Retry-After`, which
 * Flux's readers take as "not yet".
 */
export async function handleArtifact(deps: FunctionDeps, request: Request): Promise<Response> {
  const url = new URL(request.url)
  const name = parseName(url.pathname)
  if (name === undefined) return errorResponse('not-found', 'there is nothing here')
  if (!(await isSigned(deps, name, url.searchParams.get('signature')))) {
    await authorize(request.headers, deps.config.triggerTokens)
  }
  const bytes = await deps.readArtifact(name)
  if (bytes === undefined) return missing(deps, name)
  const headers = {
    'content-type': 'application/gzip',
    'content-length': String(bytes.length),
    'content-disposition': 'attachment',
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    etag: `"${await artifactFileDigest(bytes)}"`,
  }
  const isKnown = request.headers.get('if-none-match') === headers.etag
  if (isKnown) return new Response(null, { status: 304, headers: { etag: headers.etag } })
  return new Response(request.method === 'HEAD' ? null : (bytes as Uint8Array<ArrayBuffer>), { headers })
}

function parseName(pathname: string): (ArtifactName & { readonly source: readonly string[] }) | undefined {
  let parts: string[]
  try {
    parts = pathname.split('/').slice(2).map(decodeURIComponent)
  } catch {
    return undefined
  }
  const [cluster, kind, namespace, object, file] = parts
  const isNamed = [cluster, namespace, object, file].every((part) => part !== undefined && /^[\w.+~-]+$/.test(part))
  if (parts.length !== 5 || cluster === undefined || kind === undefined || !isNamed) return undefined
  if (!Object.hasOwn(kinds, kind)) return undefined
  return { cluster, path: parts.slice(1).join('/'), source: [kinds[kind] ?? '', namespace ?? '', object ?? ''] }
}

async function isSigned(deps: FunctionDeps, name: ArtifactName, signature: string | null): Promise<boolean> {
  const { artifactKeys } = deps.config
  if (signature === null || artifactKeys.length === 0) return false
  return matchesAnySecret(
    signature,
    artifactKeys.map((key) => artifactSignature(key, name)),
  )
}

/** Has the artifact made again, by the run that looks at its source. */
async function missing(
  deps: FunctionDeps,
  name: ArtifactName & { readonly source: readonly string[] },
): Promise<Response> {
  const { cluster } = name
  const [kind = '', namespace = '', object = ''] = name.source
  const hint =
    kind === 'GitRepository'
      ? "; a GitRepository is packed into a file where its annotation sluice.dev/archive is 'enabled', or with gitArchives in SETTINGS"
      : ''
  if (!deps.config.clusters.some((one) => one.name === cluster))
    return errorResponse('cluster-unknown', `there is no cluster ${cluster}`)
  const wish = `artifact-wishes/${sha256Hex(`${cluster}/${kind}/${namespace}/${object}`)}`
  if (await deps.state.putIfAbsent(wish, true, { ttlSeconds: wishTtlSeconds })) {
    await dispatch(deps, {
      id: newRunId(deps.clock, deps.random),
      trigger: 'trigger',
      receivedAt: deps.clock.now(),
      clusters: [cluster],
      target: { source: { kind, namespace, name: object } },
      actor: 'artifact-reader',
    })
  }
  const answer = errorResponse(
    'not-found',
    `the artifact is not at hand; its source is looked at again now, ask again later${hint}`,
  )
  answer.headers.set('retry-after', '30')
  return answer
}
