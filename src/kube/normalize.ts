import { gvkOf, isMap, type KubeMap, type KubeObject, type KubeValue } from '../resources/index.ts'

/** Where the pod specs of the built-in workload kinds are; keys are `group/Kind`. */
const podSpecPaths: { readonly [kind: string]: readonly string[] } = {
  '/Pod': ['spec'],
  '/ReplicationController': ['spec', 'template', 'spec'],
  'apps/Deployment': ['spec', 'template', 'spec'],
  'apps/StatefulSet': ['spec', 'template', 'spec'],
  'apps/DaemonSet': ['spec', 'template', 'spec'],
  'apps/ReplicaSet': ['spec', 'template', 'spec'],
  'batch/Job': ['spec', 'template', 'spec'],
  'batch/CronJob': ['spec', 'jobTemplate', 'spec', 'template', 'spec'],
}

const containerLists = ['containers', 'initContainers', 'ephemeralContainers']

/**
 * An object as it is sent to the server: without `status` (CRDs keep theirs) and creation times, a Secret's `stringData` folded into
 * `data`, `protocol: TCP` where ports leave it out (it is a part of the list's merge key), and without a CRD's `caBundle` that
 * API servers since 1.31 refuse (fluxcd/pkg ssa, normalize). Unlike Flux, unknown fields of built-in kinds are kept: the server
 * names them in its error, where Flux drops them silently. The input is not changed; parts that stay as they are are shared.
 */
export function normalizeObject(object: KubeObject): KubeObject {
  const { group, kind } = gvkOf(object)
  let result = withoutServerFields(object, group === 'apiextensions.k8s.io' && kind === 'CustomResourceDefinition')
  if (group === '' && kind === 'Secret') result = foldStringData(result)
  else if (group === '' && kind === 'Service') result = editAt(result, ['spec', 'ports'], defaultProtocols)
  else if (kind === 'CustomResourceDefinition') {
    result = editAt(result, ['spec', 'conversion', 'webhook', 'clientConfig'], dropInvalidCaBundle)
  }
  const podPath = podSpecPaths[`${group}/${kind}`]
  return podPath ? editAt(result, podPath, normalizePodSpec) : result
}

function withoutServerFields(object: KubeObject, keepsStatus: boolean): KubeObject {
  const result = { ...object }
  if (!keepsStatus) delete result['status']
  const metadata = object['metadata']
  if (isMap(metadata) && 'creationTimestamp' in metadata) {
    const rest = { ...metadata }
    delete rest['creationTimestamp']
    result['metadata'] = rest
  }
  return result
}

/** `stringData` wins over `data`, as on the server. */
function foldStringData(object: KubeObject): KubeObject {
  const stringData = object['stringData']
  if (!isMap(stringData)) return object
  const result = { ...object }
  delete result['stringData']
  const data: KubeMap = isMap(object['data']) ? { ...object['data'] } : {}
  for (const [key, value] of Object.entries(stringData))
    data[key] = typeof value === 'string' ? encodeBase64(value) : value
  result['data'] = data
  return result
}

function encodeBase64(text: string): string {
  let binary = ''
  for (const byte of new TextEncoder().encode(text)) binary += String.fromCharCode(byte)
  return btoa(binary)
}

function normalizePodSpec(spec: KubeValue): KubeValue {
  if (!isMap(spec)) return spec
  let result = spec
  for (const list of containerLists) {
    result = editAt(result, [list], (containers) =>
      Array.isArray(containers)
        ? containers.map((container) => (isMap(container) ? editAt(container, ['ports'], defaultProtocols) : container))
        : containers,
    )
  }
  return result
}

function defaultProtocols(ports: KubeValue): KubeValue {
  if (!Array.isArray(ports)) return ports
  return ports.map((port) => (isMap(port) && (port['protocol'] ?? '') === '' ? { ...port, protocol: 'TCP' } : port))
}

/** A CA bundle is base64 of PEM certificates; anything else was put there to be replaced later, and is refused by the server. */
function dropInvalidCaBundle(clientConfig: KubeValue): KubeValue {
  if (!isMap(clientConfig)) return clientConfig
  const bundle = clientConfig['caBundle']
  if (typeof bundle !== 'string' || bundle === '' || isCertificateBundle(bundle)) return clientConfig
  const result = { ...clientConfig }
  delete result['caBundle']
  return result
}

function isCertificateBundle(bundle: string): boolean {
  try {
    return /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]{16,}-----END CERTIFICATE-----/.test(atob(bundle))
  } catch {
    return false // Not base64.
  }
}

/** A copy of `map` with `edit` applied to the value at `path`; `map` itself where there is nothing at `path`. */
function editAt(map: KubeMap, path: readonly string[], edit: (value: KubeValue) => KubeValue): KubeMap {
  const [head, ...tail] = path
  if (head === undefined || !Object.hasOwn(map, head)) return map
  const value = map[head] as KubeValue
  if (tail.length === 0) return { ...map, [head]: edit(value) }
  return isMap(value) ? { ...map, [head]: editAt(value, tail, edit) } : map
}
