import { isEngineError } from '../../base/index.ts'
import { clusterKubeVersion, DEFAULT_CAPABILITIES, type Capabilities, type LookupRequest } from '../../helm/index.ts'
import type { KubeClient } from '../../kube/index.ts'
import type { KubeObject } from '../../resources/index.ts'

/** `.Capabilities` of the cluster: its version, and every `group/version` and `group/version/Kind` that it serves (Helm v4, action.GetVersionSet). */
export async function readCapabilities(client: KubeClient, signal: AbortSignal): Promise<Capabilities> {
  const [kubeVersion, discovery] = await Promise.all([client.serverVersion({ signal }), client.discovery({ signal })])
  const apiVersions = new Set(discovery.groupVersions)
  for (const resource of discovery.byKind.values()) {
    const groupVersion = resource.group === '' ? resource.version : `${resource.group}/${resource.version}`
    apiVersions.add(`${groupVersion}/${resource.kind}`)
  }
  const [, major = '', minor = ''] = /^v?(\d+)\.(\d+)/.exec(kubeVersion) ?? []
  return {
    kubeVersion: clusterKubeVersion(kubeVersion, major, minor),
    apiVersions: [...apiVersions],
    helmVersion: DEFAULT_CAPABILITIES.helmVersion,
  }
}

/**
 * The answer of a template's `lookup`, read with the identity of the release: an object, a list, or nothing where it is not there or may
 * not be read (Helm v4 pkg/engine, lookup; what may not be read fails there too, so it does here).
 */
export async function lookUp(
  client: KubeClient,
  request: LookupRequest,
  signal: AbortSignal,
): Promise<KubeObject | null> {
  const { apiVersion, kind, namespace, name } = request
  try {
    if (name !== '')
      return (
        (await client.get({ apiVersion, kind, name, ...(namespace === '' ? {} : { namespace }) }, { signal })) ?? null
      )
    const list = await client.list<KubeObject>(
      { apiVersion, kind },
      { signal, ...(namespace === '' ? {} : { namespace }) },
    )
    return list.items.length === 0 ? null : { apiVersion, kind: `${kind}List`, items: [...list.items] }
  } catch (error) {
    if (isEngineError(error) && (error.code === 'kube-not-found' || error.code === 'kube-kind-unknown')) return null
    throw error
  }
}
