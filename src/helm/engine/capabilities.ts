import { parseUnsigned } from '../../template/index.ts'
import { helmError } from '../errors.ts'

/** A Kubernetes version as templates see it. */
export interface KubeVersion {
  /** In full, `v1.33.4-gke.1245000`. */
  readonly version: string
  /** What constraints are checked against; without suffixes where the version was given by hand, empty where it came from a cluster. */
  readonly normalized: string
  readonly major: string
  readonly minor: string
}

/** What a chart may ask about the cluster and about Helm: `.Capabilities`. */
export interface Capabilities {
  readonly kubeVersion: KubeVersion
  /** `apps/v1`, `apps/v1/Deployment`. */
  readonly apiVersions: readonly string[]
  readonly helmVersion: string
}

/** Reads a version as `--kube-version` does (apimachinery version.ParseGeneric). @throws EngineError `values-invalid`. */
export function parseKubeVersion(text: string): KubeVersion {
  const numbers = /^\s*v?(\d+(?:\.\d+)*)/.exec(text)?.[1]
  if (numbers === undefined) throw invalidVersion(text, `could not parse ${JSON.stringify(text)} as version`)
  const parts = numbers.split('.')
  if (parts.length < 2) throw invalidVersion(text, `illegal version string ${JSON.stringify(text)}`)
  if (/^0\d/.test(parts[0] ?? '')) {
    throw invalidVersion(
      text,
      `illegal zero-prefixed version component ${JSON.stringify(parts[0])} in ${JSON.stringify(text)}`,
    )
  }
  const components = parts.map((part) => parseUnsigned(part, 10))
  if (components.some((component) => typeof component === 'string')) {
    throw invalidVersion(text, `illegal non-numeric version component in ${JSON.stringify(text)}`)
  }
  return {
    version: text.startsWith('v') ? text : `v${text}`,
    normalized: `v${components.join('.')}`,
    major: String(components[0]),
    minor: String(components[1]),
  }
}

/** The version that a cluster reports under `/version`. */
export function clusterKubeVersion(gitVersion: string, major: string, minor: string): KubeVersion {
  return { version: gitVersion, normalized: '', major, minor }
}

function invalidVersion(text: string, detail: string): Error {
  return helmError('values-invalid', `invalid kube version '${text}': ${detail}`)
}

/** What Helm v4.3.1 says without a cluster. */
export const DEFAULT_CAPABILITIES: Capabilities = Object.freeze({
  kubeVersion: Object.freeze({ version: 'v1.37.0', normalized: 'v1.37.0', major: '1', minor: '37' }),
  apiVersions: Object.freeze([
    'v1',
    'admissionregistration.k8s.io/v1',
    'admissionregistration.k8s.io/v1alpha1',
    'admissionregistration.k8s.io/v1beta1',
    'internal.apiserver.k8s.io/v1alpha1',
    'apps/v1',
    'apps/v1beta1',
    'apps/v1beta2',
    'authentication.k8s.io/v1',
    'authentication.k8s.io/v1alpha1',
    'authentication.k8s.io/v1beta1',
    'authorization.k8s.io/v1',
    'authorization.k8s.io/v1beta1',
    'autoscaling/v1',
    'autoscaling/v2',
    'batch/v1',
    'batch/v1beta1',
    'certificates.k8s.io/v1',
    'certificates.k8s.io/v1beta1',
    'certificates.k8s.io/v1alpha1',
    'coordination.k8s.io/v1alpha2',
    'coordination.k8s.io/v1beta1',
    'coordination.k8s.io/v1',
    'discovery.k8s.io/v1',
    'discovery.k8s.io/v1beta1',
    'events.k8s.io/v1',
    'events.k8s.io/v1beta1',
    'extensions/v1beta1',
    'flowcontrol.apiserver.k8s.io/v1',
    'flowcontrol.apiserver.k8s.io/v1beta1',
    'flowcontrol.apiserver.k8s.io/v1beta2',
    'flowcontrol.apiserver.k8s.io/v1beta3',
    'lifecycle.k8s.io/v1alpha1',
    'networking.k8s.io/v1',
    'networking.k8s.io/v1beta1',
    'node.k8s.io/v1',
    'node.k8s.io/v1alpha1',
    'node.k8s.io/v1beta1',
    'policy/v1',
    'policy/v1beta1',
    'rbac.authorization.k8s.io/v1',
    'rbac.authorization.k8s.io/v1beta1',
    'rbac.authorization.k8s.io/v1alpha1',
    'resource.k8s.io/v1',
    'resource.k8s.io/v1beta2',
    'resource.k8s.io/v1beta1',
    'resource.k8s.io/v1alpha3',
    'scheduling.k8s.io/v1alpha3',
    'scheduling.k8s.io/v1beta1',
    'scheduling.k8s.io/v1',
    'storage.k8s.io/v1beta1',
    'storage.k8s.io/v1',
    'storage.k8s.io/v1alpha1',
    'storagemigration.k8s.io/v1',
    'storagemigration.k8s.io/v1beta1',
    'apiextensions.k8s.io/v1beta1',
    'apiextensions.k8s.io/v1',
  ]),
  helmVersion: 'v4.3',
})
