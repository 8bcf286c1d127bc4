/** What a policy refuses, each by a name that messages and documentation use. */
export const rules = {
  'policy-unusable': 'There is no policy that could be used, so no tenant may do anything.',
  'namespace-unassigned': 'The namespace of the object belongs to no tenant and not to the platform.',
  cluster: 'The tenant has no place on this cluster.',
  'source-url': 'A source, submodule, base or chart comes from a URL that the tenant may not use.',
  'cross-namespace-reference': 'The object refers to something in a namespace that is not the tenant’s.',
  'target-namespace':
    'The object puts its objects, or the storage of a release, into a namespace that is not the tenant’s.',
  identity: 'The object names a service account that is not the identity of the tenant.',
  'remote-cluster': 'The object applies to a cluster of its own choice.',
  'remote-base': 'The files have a base that is a URL.',
  'platform-credentials': 'The object would log in somewhere as the deployment itself.',
  kind: 'An object is of a kind that the tenant may not have.',
  'cluster-scoped-kind': 'An object belongs to no namespace, and the tenant may not have its kind.',
  'object-namespace': 'An object is in a namespace that is not the tenant’s.',
  'pod-security': 'A Namespace asks for a weaker level of Pod Security than the tenant may have.',
} as const

/** The name of a rule. */
export type RuleName = keyof typeof rules

/** One thing that a policy refuses. */
export interface Refusal {
  readonly rule: RuleName
  /** Field of the object of ours: `spec.sourceRef.namespace`; empty where it is the object itself. */
  readonly field: string
  /** `Kind/namespace/name` of an object that it would apply; absent where it is the object of ours. */
  readonly object?: string
  /** What is wrong, and what to do. */
  readonly message: string
}
