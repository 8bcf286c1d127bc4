/** Where the cluster side lives, as Flux's bootstrap has it, so that a repository serves both. */
export const systemNamespace = 'flux-system'
/** Name of the sync objects, and of the Secret with the credentials of the repository. */
export const syncName = 'flux-system'
/** The account that the deployment acts as, and the Secret with its token. */
export const accountName = 'sluice'
export const tokenSecretName = 'sluice-token'
/** Names of what belongs to the whole cluster. */
export const roleName = 'sluice'
export const adminBindingName = 'sluice-cluster-admin'
/** Field manager of what is in the cluster only. */
export const bootstrapManager = 'sluice-bootstrap'

/** Files below `<path>/flux-system`. */
export const fileNames = {
  crds: 'sluice-crds.yaml',
  components: 'sluice-components.yaml',
  sync: 'gotk-sync.yaml',
  kustomization: 'kustomization.yaml',
  /** Of Flux's own bootstrap. */
  fluxComponents: 'gotk-components.yaml',
} as const

/** An object as it is written. */
export interface Manifest {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: {
    readonly name: string
    readonly namespace?: string
    readonly labels?: { readonly [key: string]: string }
    readonly annotations?: { readonly [key: string]: string }
  }
  readonly [field: string]: unknown
}
