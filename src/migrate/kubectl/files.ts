import { apiVersions } from '../../api/index.ts'
import { nameOf, namespaceOf, scalarText, type KubeObject } from '../../resources/index.ts'
import { printYaml } from '../../yaml/index.ts'
import type { AdoptiveParent } from './adopt.ts'

/** Files by name. */
export type Files = { readonly [name: string]: string }

/** One file for each manifest, and a kustomization.yaml that lists them in the order of applying. Pure. */
export function manifestFiles(manifests: readonly KubeObject[]): Files {
  const files = new Map<string, string>()
  for (const manifest of manifests) {
    const words = [scalarText(manifest['kind']).toLowerCase(), nameOf(manifest)]
    const base = fileName(words.join('-'))
    const taken = (name: string): boolean => files.has(`${name}.yaml`)
    const other = fileName(`${base}-${namespaceOf(manifest)}`)
    let name = taken(base) ? other : base
    for (let number = 2; taken(name); number++) name = `${other}-${number}`
    files.set(`${name}.yaml`, printYaml(manifest, { dialect: 'sigs' }))
  }
  const list = { apiVersion: 'kustomize.config.k8s.io/v1beta1', kind: 'Kustomization', resources: [...files.keys()] }
  return { 'kustomization.yaml': printYaml(list, { dialect: 'sigs' }), ...Object.fromEntries(files) }
}

/** Names of RBAC have colons, and others any letter that a path may have. */
function fileName(text: string): string {
  return text.replaceAll(/[^a-z0-9.-]+/g, '-')
}

/** The Kustomization to commit beside those that there are. It prunes nothing before its first run has an inventory. */
export function adoptiveKustomization(
  parent: AdoptiveParent,
  source: { readonly kind: string; readonly name: string; readonly namespace?: string | undefined },
  path: string,
): KubeObject {
  const { kind, name, namespace } = source
  return {
    apiVersion: apiVersions.Kustomization,
    kind: 'Kustomization',
    metadata: { name: parent.name, namespace: parent.namespace },
    spec: {
      interval: '10m',
      path,
      prune: true,
      sourceRef: { kind, name, ...(namespace === undefined || namespace === parent.namespace ? {} : { namespace }) },
    },
  }
}
