import { apiVersions, definitions, groups, type Kind } from '../api/index.ts'
import { EngineError } from '../base/index.ts'
import type { Forge } from '../forges/index.ts'
import { formatKey, isNotFound, type KubeClient, type ObjectKey } from '../kube/index.ts'
import {
  accountName,
  adminBindingName,
  bootstrapManager,
  roleName,
  syncName,
  systemNamespace,
  tokenSecretName,
} from './names.ts'
import type { BootstrapReport } from './types.ts'

/** What is to be removed. */
export interface UninstallOptions {
  readonly isDryRun: boolean
  /** Also the definitions, and with them every object of our kinds: GitRepositories, Kustomizations, HelmReleases, in all namespaces. */
  readonly withCrds: boolean
  /** Also the namespace flux-system with everything in it. */
  readonly withNamespace: boolean
  /** URL of the webhook that is deleted at the forge. */
  readonly hookUrl?: string
}

export interface UninstallDeps {
  readonly client: KubeClient
  readonly forge: Forge | undefined
  readonly report: Pick<BootstrapReport, 'begin' | 'done' | 'found' | 'warn'> & {
    /** Objects are gone, or, in a dry run, would be. */
    readonly removed: (text: string, objects: readonly string[]) => void
  }
  readonly signal?: AbortSignal
}

interface Found {
  readonly metadata?: {
    readonly name?: string
    readonly namespace?: string
    readonly uid?: string
    readonly finalizers?: readonly string[]
  }
  readonly spec?: { readonly suspend?: boolean; readonly replicas?: number }
}

const rbac = 'rbac.authorization.k8s.io/v1'
const inSystem = { namespace: systemNamespace }

/**
 * Removes the cluster side and leaves the workloads: first the rights of the deployment, so that nothing works against it; then the sync objects, suspended and without their finalizer, so that nothing is pruned;
 * then its account and the credentials. With `withCrds` all objects of our kinds go in the same way before the definitions do, as `flux uninstall` has it. Git is not changed.
 *
 * Where Flux's controllers are in the cluster the sync objects, definitions and namespace are theirs and stay. Can be run again; returns how many things were removed.
 */
export async function uninstall(deps: UninstallDeps, options: UninstallOptions): Promise<number> {
  const { report } = deps
  const remove = createRemover(deps, options)
  const hasFlux = await hasFluxControllers(deps)
  if (hasFlux && (options.withCrds || options.withNamespace))
    throw new EngineError(
      "Flux's controllers are in flux-system and use the definitions and the namespace; 'flux uninstall' removes them. Run this without --crds and --with-namespace",
      { code: 'uninstall-conflict' },
    )
  let removed = 0
  const step = async (title: string, work: () => Promise<number>): Promise<void> => {
    report.begin(title)
    const count = await work()
    removed += count
    if (count === 0) report.found('it is gone already')
  }
  if (options.hookUrl !== undefined) await step('webhook', () => removeWebhook(deps, options))
  await step('rights of the deployment', () =>
    remove([
      { apiVersion: rbac, kind: 'ClusterRoleBinding', name: adminBindingName },
      { apiVersion: rbac, kind: 'ClusterRoleBinding', name: roleName },
      { apiVersion: rbac, kind: 'ClusterRole', name: roleName },
    ]),
  )
  if (hasFlux) report.warn("the sync objects stay: Flux's controllers work with them")
  else {
    await step('sync objects', () =>
      remove(
        (['Kustomization', 'GitRepository'] as const).map((kind) => ({
          apiVersion: apiVersions[kind],
          kind,
          name: syncName,
          ...inSystem,
        })),
      ),
    )
    await step('credentials of the repository', () => removeOwnSecret(deps, remove))
  }
  await step('account', () =>
    remove([
      { apiVersion: 'v1', kind: 'Secret', name: tokenSecretName, ...inSystem },
      { apiVersion: 'v1', kind: 'ServiceAccount', name: accountName, ...inSystem },
    ]),
  )
  if (options.withCrds) {
    await step('objects of our kinds', async () => remove(await allObjects(deps)))
    await step('definitions', () => remove(crdKeys()))
  }
  if (options.withNamespace)
    await step(`namespace ${systemNamespace}`, () =>
      remove([{ apiVersion: 'v1', kind: 'Namespace', name: systemNamespace }]),
    )
  return removed
}

/** Deletes objects that are there; those of our kinds are suspended and lose their finalizers first. Returns how many there were. */
function createRemover(
  { client, report, signal }: UninstallDeps,
  options: UninstallOptions,
): (keys: readonly ObjectKey[]) => Promise<number> {
  return async (keys) => {
    const gone: string[] = []
    for (const key of keys) {
      const found = await readOne(client, key, signal)
      if (found === undefined) continue
      gone.push(formatKey(key))
      if (options.isDryRun) continue
      const isOurs = Object.values(groups).some((group) => key.apiVersion.startsWith(`${group}/`))
      if (isOurs) await release(client, key, found, signal)
      const uid = found.metadata?.uid
      await client.delete(key, { signal, ...(uid === undefined ? {} : { uid }) }).catch((error: unknown) => {
        if (!isNotFound(error)) throw error
      })
    }
    if (gone.length > 0) report.removed(options.isDryRun ? 'would be removed' : 'removed', gone)
    return gone.length
  }
}

/** A suspended object prunes nothing when it is deleted, should anybody put the finalizer back in between. */
async function release(
  client: KubeClient,
  key: ObjectKey,
  found: Found,
  signal: AbortSignal | undefined,
): Promise<void> {
  const canSuspend = definitions[key.kind as Kind] !== undefined && key.kind !== 'ExternalArtifact'
  const body = { metadata: { finalizers: null }, ...(canSuspend ? { spec: { suspend: true } } : {}) }
  if ((found.metadata?.finalizers ?? []).length === 0 && found.spec?.suspend === true) return
  await client.patch(key, { type: 'merge', body }, { fieldManager: bootstrapManager, signal })
}

async function readOne(
  client: KubeClient,
  key: ObjectKey,
  signal: AbortSignal | undefined,
): Promise<Found | undefined> {
  try {
    const found = await client.get<Found & { metadata?: { deletionTimestamp?: string } }>(key, { signal })
    const isEnding = found?.metadata?.deletionTimestamp !== undefined && (found.metadata.finalizers ?? []).length === 0
    return isEnding ? undefined : found
  } catch (error) {
    if (isNotFound(error)) return undefined
    throw error
  }
}

/** The Secret that bootstrap has written; one of somebody else stays. */
async function removeOwnSecret(
  { client, signal }: UninstallDeps,
  remove: (keys: readonly ObjectKey[]) => Promise<number>,
): Promise<number> {
  const key = { apiVersion: 'v1', kind: 'Secret', name: syncName, ...inSystem }
  const found = (await readOne(client, key, signal)) as
    { readonly metadata?: { readonly labels?: { readonly [key: string]: string } } } | undefined
  return found?.metadata?.labels?.['app.kubernetes.io/part-of'] === 'sluice' ? remove([key]) : 0
}

async function allObjects({ client, signal }: UninstallDeps): Promise<readonly ObjectKey[]> {
  const keys: ObjectKey[] = []
  for (const { kind } of Object.values(definitions)) {
    const apiVersion = apiVersions[kind]
    try {
      const { items } = await client.list<Found>({ apiVersion, kind }, { signal, metadataOnly: true })
      for (const { metadata } of items)
        keys.push({ apiVersion, kind, name: metadata?.name ?? '', namespace: metadata?.namespace ?? '' })
    } catch (error) {
      if (!isNotFound(error)) throw error
    }
  }
  return keys
}

function crdKeys(): readonly ObjectKey[] {
  return Object.values(definitions).map(({ plural, group }) => ({
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    name: `${plural}.${group}`,
  }))
}

async function hasFluxControllers({ client, signal }: UninstallDeps): Promise<boolean> {
  const names = ['source-controller', 'kustomize-controller', 'helm-controller']
  const found = await Promise.all(
    names.map((name) => readOne(client, { apiVersion: 'apps/v1', kind: 'Deployment', name, ...inSystem }, signal)),
  )
  return found.some((one) => one !== undefined && one.spec?.replicas !== 0)
}

async function removeWebhook({ forge, report }: UninstallDeps, options: UninstallOptions): Promise<number> {
  if (forge === undefined) return 0
  const hooks = (await forge.listWebhooks()).filter(({ url }) => url === options.hookUrl)
  for (const { id } of hooks) if (!options.isDryRun) await forge.deleteWebhook(id)
  const verb = options.isDryRun ? 'would delete' : 'deleted'
  if (hooks.length > 0) report.done(`${verb} ${options.hookUrl ?? ''} at ${forge.title}`)
  return hooks.length
}
