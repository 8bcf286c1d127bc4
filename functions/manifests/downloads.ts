import { EngineError, safePathPart } from '../../src/base/index.ts'
import { manifestText } from '../../src/reconcile/index.ts'
import { viewFor } from '../access/view.ts'
import { authorizeReading } from '../authorize-reading.ts'
import type { FunctionDeps } from '../deps.ts'
import { download } from '../download.ts'
import { archiveOf } from './files.ts'
import { findApplication, findManifests, manifestSides, noManifests } from './read.ts'

/**
 * `GET /api/plans/{id}/manifests/file?cluster=&kind=&namespace=&name=&side=base|head`: what one commit makes of one application, as YAML.
 * Throws EngineError `unauthorized`, `request-invalid`, `not-found`, `manifests-unreadable`.
 */
export async function handleManifestFile(deps: FunctionDeps, request: Request, id: string): Promise<Response> {
  const seen = viewFor(deps, await authorizeReading(deps, request))
  const query = new URL(request.url).searchParams
  const value = (name: string): string => query.get(name) ?? ''
  const side = manifestSides.find((one) => one === value('side'))
  if (side === undefined)
    throw new EngineError(`side: must be one of ${manifestSides.join(', ')}`, { code: 'request-invalid' })
  const [cluster, kind, namespace, name] = ['cluster', 'kind', 'namespace', 'name'].map(value) as [
    string,
    string,
    string,
    string,
  ]
  const all = await findManifests(seen, id)
  const found = all && findApplication(all, { cluster, kind, namespace, name })
  const stored = found?.application[side]
  if (found === undefined || stored === undefined || stored === 'failed') throw noManifests()
  const text = manifestText(await found.read(stored))
  const file = `${[cluster, namespace, kind, name, side].map(safePathPart).join('.')}.yaml`
  return download(text, { type: 'text/yaml; charset=utf-8', file })
}

/** `GET /api/plans/{id}/manifests/archive[?cluster=]`: everything as a `.tar.gz`, under `base/` and `head/`. Throws EngineError `unauthorized`, `not-found`, `manifests-too-large`, `manifests-unreadable`. */
export async function handleManifestArchive(deps: FunctionDeps, request: Request, id: string): Promise<Response> {
  const seen = viewFor(deps, await authorizeReading(deps, request))
  const wanted = new URL(request.url).searchParams.get('cluster')
  const all = await findManifests(seen, id)
  const clusters = all?.clusters.filter(({ cluster }) => wanted === null || cluster === wanted) ?? []
  if (clusters.length === 0) throw noManifests()
  const bytes = await archiveOf(clusters)
  return download(bytes as Uint8Array<ArrayBuffer>, { type: 'application/gzip', file: `manifests-${id}.tar.gz` })
}
