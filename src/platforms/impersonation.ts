import type { KubeIdentity } from '../ports/index.ts'

/**
 * The headers with which an API server lets the holder of the right to impersonate act as somebody else (Kubernetes, "User impersonation"). Groups are headers of their own, never one with
 * commas: the API server takes that for the name of a single group.
 */
export function impersonationHeaders(identity: KubeIdentity): readonly (readonly [name: string, value: string])[] {
  return [
    ['impersonate-user', identity.user],
    ...(identity.groups ?? []).map((group) => ['impersonate-group', group] as const),
  ]
}
