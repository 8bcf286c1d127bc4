import { EngineError } from '../base/index.ts'
import type { KubeRequest, KubeResponse, KubeTransport } from '../ports/index.ts'
import { isMap, mergePatch, type KubeMap, type KubeObject } from '../resources/index.ts'

/**
 * The same cluster, on which nothing can be changed: every request that is no read goes as a dry-run, whatever its sender thinks. What the
 * server answers is what would have become of it.
 *
 * Reviews of permissions, which store nothing, go as they are; connections to something that knows nothing of dry-runs are refused with EngineError
 * `dry-run-impossible`. Objects of ours that would be new (the HelmChart of a HelmRelease) can be read, and their status be written, as if they were there; a HelmChart that would be changed keeps
 * what it would say when its status is written.
 */
export function dryRunTransport<T extends KubeTransport>(transport: T): T {
  const created = new Map<string, KubeObject>()
  const changed = new Map<string, KubeObject>()
  const send = async (request: KubeRequest): Promise<KubeResponse> => {
    const response = await transport.send(asDryRun(request))
    const path = request.path.split('?')[0] ?? ''
    if (!ours.test(path)) return response
    if (response.status === 201) {
      const text = await response.text()
      created.set(path, JSON.parse(text) as KubeObject)
      return answer(201, text)
    }
    const id = path.replace(/\/status$/, '')
    if (response.status === 200 && request.method === 'PATCH' && charts.test(path)) {
      const text = await response.text()
      return answer(200, path === id ? noted(changed, id, text) : withChange(changed.get(id), text))
    }
    const known = created.get(id)
    if (response.status !== 404 || known === undefined) return response
    await response.body?.cancel()
    const object = request.method === 'PATCH' ? patched(known, JSON.parse(request.body ?? '{}') as KubeMap) : known
    created.set(id, object)
    return answer(200, JSON.stringify(object))
  }
  // What an implementation has besides (`close`) stays reachable.
  return Object.assign(Object.create(transport) as T, { cluster: transport.cluster, send })
}

/** Objects of ours, which a run reads again after it has written them. */
const ours = /^\/apis\/(source|kustomize|helm)\.toolkit\.fluxcd\.io\//

/** What a run writes the spec of, and then the status. */
const charts = /^\/apis\/source\.toolkit\.fluxcd\.io\/[^/]+\/namespaces\/[^/]+\/helmcharts\/[^/]+(\/status)?$/

function noted(changed: Map<string, KubeObject>, id: string, text: string): string {
  changed.set(id, JSON.parse(text) as KubeObject)
  return text
}

/** The server answers a write of a status with the spec that it has stored, for the change before it was a dry-run. */
function withChange(change: KubeObject | undefined, text: string): string {
  if (change === undefined) return text
  const object = JSON.parse(text) as KubeObject
  const metadata = isMap(object['metadata']) ? object['metadata'] : {}
  const generation = isMap(change['metadata']) ? (change['metadata']['generation'] ?? 0) : 0
  return JSON.stringify({ ...object, spec: change['spec'] ?? {}, metadata: { ...metadata, generation } })
}

/** Kinds that are asked by creating them, and of which nothing is stored. */
const reviews = /^\/apis\/(authorization|authentication)\.k8s\.io\/v1\/(namespaces\/[^/]+\/)?[a-z]+reviews$/

/** Subresources that connect to something which knows nothing of dry-runs. */
const connections =
  /^\/(api|apis\/[^/]+)\/[^/]+\/(namespaces\/[^/]+\/)?[^/]+\/[^/]+\/(exec|attach|portforward|proxy)(\/|$)/

function asDryRun(request: KubeRequest): KubeRequest {
  if (request.method === 'GET') return request
  const [path = '', query = ''] = request.path.split('?')
  if (request.method === 'POST' && reviews.test(path)) return request
  if (connections.test(path)) {
    throw new EngineError(`a plan cannot ${request.method} ${path}: there is no dry-run of it`, {
      code: 'dry-run-impossible',
    })
  }
  const parameters = new URLSearchParams(query)
  parameters.set('dryRun', 'All')
  const marked = { ...request, path: `${path}?${parameters.toString()}` }
  if (request.method !== 'DELETE') return marked
  // Where there is a body, the server reads the options from it alone.
  const options = JSON.parse(request.body ?? '{}') as object
  const body = JSON.stringify({ kind: 'DeleteOptions', apiVersion: 'v1', ...options, dryRun: ['All'] })
  return { ...marked, headers: { ...request.headers, 'content-type': 'application/json' }, body }
}

/** The object with a merge patch of it or of its status. */
function patched(object: KubeObject, patch: KubeMap): KubeObject {
  const { metadata, ...rest } = patch
  const { resourceVersion: _version, ...other } = isMap(metadata) ? metadata : {}
  return mergePatch(object, { ...rest, metadata: other }) as KubeObject
}

function answer(status: number, text: string): KubeResponse {
  return { status, headers: { get: () => null }, text: () => Promise.resolve(text), body: null }
}
