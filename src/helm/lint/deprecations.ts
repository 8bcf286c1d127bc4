import type { KubeVersion } from '../engine/capabilities.ts'
import { DEPRECATED_APIS, type DeprecatedApi } from './deprecated-apis.ts'

/**
 * What to say of a kind that is deprecated in a version of Kubernetes (Helm v4 pkg/chart/v2/lint/rules validateNoDeprecations, with the words of
 * k8s.io/apiserver deprecation.WarningMessage); undefined for others, and for kinds that Kubernetes itself does not have.
 */
export function deprecation(apiVersion: string, kind: string, version: KubeVersion): string | undefined {
  const found = DEPRECATED_APIS.find(([api, kinds]) => api === apiVersion && kinds.split(' ').includes(kind))
  if (found === undefined || !isReached(found, version)) return undefined
  const [, , deprecated, removed, replacement] = found
  const text = `${apiVersion} ${kind} is deprecated in v1.${deprecated}+, unavailable in v1.${removed}+`
  if (replacement === undefined) return text
  return `${text}; use ${replacement.includes(' ') ? replacement : `${replacement} ${kind}`}`
}

function isReached([, , deprecated]: DeprecatedApi, { major, minor }: KubeVersion): boolean {
  const [first, second] = [Number(major), Number(minor)]
  // Version 0.0 stands for an unknown one.
  if (first === 0 && second === 0) return true
  return first > 1 || (first === 1 && second >= deprecated)
}
