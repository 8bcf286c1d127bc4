import { sha256Hex } from '../../base/index.ts'
import type { HelmRelease } from '../../api/index.ts'

/** Characters of the longest release name that Helm takes. */
const maxReleaseName = 53

/** The Helm release's name: given, or `[<targetNamespace>-]<name>`, shortened with a digest where it is too long (helm-controller 1.6, release.ShortenName). */
export function releaseNameOf(object: HelmRelease): string {
  const { releaseName, targetNamespace } = object.spec
  const wanted =
    releaseName ?? (targetNamespace === undefined ? object.metadata.name : `${targetNamespace}-${object.metadata.name}`)
  return wanted.length <= maxReleaseName ? wanted : `${wanted.slice(0, 40)}-${sha256Hex(wanted).slice(0, 12)}`
}

/** The namespace that the chart's objects go to. */
export function releaseNamespaceOf(object: HelmRelease): string {
  return object.spec.targetNamespace ?? object.metadata.namespace ?? ''
}

/** The namespace of Helm's release Secrets: the HelmRelease's own unless it says otherwise. */
export function storageNamespaceOf(object: HelmRelease): string {
  return object.spec.storageNamespace ?? object.metadata.namespace ?? ''
}
