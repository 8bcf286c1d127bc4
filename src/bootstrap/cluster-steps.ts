import { apiVersions, fieldManagers, findUnservable, groups, labels } from '../api/index.ts'
import { EngineError, fromBase64, utf8Text } from '../base/index.ts'
import { MemoryTree } from '../files/index.ts'
import {
  applyStaged,
  combineFailures,
  formatChange,
  formatKey,
  keyOf,
  planStaged,
  type ApplyOptions,
  type ChangeSet,
} from '../kube/index.ts'
import { build } from '../kustomize/index.ts'
import type { KubeObject } from '../resources/index.ts'
import {
  accountName,
  adminBindingName,
  bootstrapManager,
  roleName,
  syncName,
  systemNamespace,
  tokenSecretName,
  type Manifest,
} from './names.ts'
import type { StepContext } from './types.ts'

const secretKey = { apiVersion: 'v1', kind: 'Secret', namespace: systemNamespace, name: syncName }

/** Applies what Git has now, but for the sync objects: definitions, namespace, account, rights. */
export async function applyClusterSide(context: StepContext): Promise<void> {
  const { report } = context.deps
  report.begin('cluster side: definitions, account and rights')
  await apply(context, (object) => !isSync(object))
}

/** Applies the objects from which on Sluice reconciles the cluster side from Git. */
export async function applySync(context: StepContext): Promise<void> {
  context.deps.report.begin('sync objects: GitRepository and Kustomization flux-system')
  await apply(context, isSync)
}

/**
 * The objects of the directory in Git as its Kustomization will apply them, so that its first run finds nothing to do. Of what Flux's bootstrap wrote only the definitions, the namespace and the sync objects: starting or changing
 * its controllers is not for us.
 */
function builtObjects({ options, state }: StepContext): readonly Manifest[] {
  const { layout } = state
  if (layout === undefined) return []
  const path = `${options.path}/${systemNamespace}`
  const built = build({
    files: new MemoryTree(layout.files),
    path,
    options: { loadRestrictions: 'none', reorder: 'none' },
  })
  const objects = built.objects as unknown as readonly Manifest[]
  const faults = findUnservable(objects)
  if (faults.length > 0)
    throw new EngineError(`${faults.join('; ')}. Use a newer version of Sluice; nothing was changed in the cluster`, {
      code: 'bootstrap-newer',
    })
  const wanted =
    layout.origin === 'flux'
      ? objects.filter((object) => isOurs(object) || isSync(object) || isFluxBase(object))
      : objects
  return wanted.map((object) => ({
    ...object,
    metadata: {
      ...object.metadata,
      labels: {
        ...object.metadata.labels,
        [labels.kustomizeName]: syncName,
        [labels.kustomizeNamespace]: systemNamespace,
      },
    },
  }))
}

function isSync(object: Manifest): boolean {
  const { kind, apiVersion, metadata } = object
  const isKind =
    (kind === 'GitRepository' && apiVersion.startsWith(`${groups.source}/`)) ||
    (kind === 'Kustomization' && apiVersion.startsWith(`${groups.kustomize}/`))
  return isKind && metadata.name === syncName && metadata.namespace === systemNamespace
}

function isOurs({ kind, metadata }: Manifest): boolean {
  const names: readonly (string | undefined)[] = [accountName, tokenSecretName, roleName, adminBindingName]
  const kinds = ['ServiceAccount', 'Secret', 'ClusterRole', 'ClusterRoleBinding']
  return kinds.includes(kind) && names.includes(metadata.name)
}

function isFluxBase({ kind, metadata }: Manifest): boolean {
  return kind === 'CustomResourceDefinition' || (kind === 'Namespace' && metadata.name === systemNamespace)
}

async function apply(context: StepContext, isWanted: (object: Manifest) => boolean): Promise<void> {
  const { deps, options, state } = context
  const { client, report, signal } = deps
  const objects = builtObjects(context)
  const tell = (all: ChangeSet, verb: string): void => {
    const some = writtenOf(all)
    if (some.length === 0) return report.nothing(`${all.length} objects are as Git says`)
    report.done(`${some.length} of ${all.length} objects ${verb}`, some.map(formatChange))
  }
  if (options.isDryRun) {
    // Planned together: the kinds of some come with the others.
    const plan = await planStaged(client, applyRequest(objects, signal))
    const failure = combineFailures(plan.errors)
    if (failure !== undefined) throw failure
    const names = new Set(objects.filter(isWanted).map((object) => formatKey(keyOf(object as unknown as KubeObject))))
    const changes = plan.changes.map(({ change }) => change).filter((change) => names.has(formatKey(change)))
    return tell(changes, 'would be applied')
  }
  const { changes, errors } = await applyStaged(client, applyRequest(objects.filter(isWanted), signal))
  state.writes += writtenOf(changes).length
  const failure = combineFailures(errors)
  if (failure !== undefined) throw failure
  tell(changes, 'applied')
}

/** As the Kustomization will apply them. */
function applyRequest(objects: readonly Manifest[], signal: AbortSignal | undefined): ApplyOptions {
  return {
    objects: objects as unknown as readonly KubeObject[],
    owner: { kind: 'Kustomization', group: groups.kustomize, name: syncName, namespace: systemNamespace },
    fieldManager: fieldManagers.kustomization,
    signal,
  }
}

function writtenOf(changes: ChangeSet): ChangeSet {
  return changes.filter(({ action }) => action === 'created' || action === 'configured')
}

/** Puts the credentials of a private repository into the cluster, and nowhere else. */
export async function writeCredentials({ deps, options, state }: StepContext): Promise<void> {
  const { client, report, signal } = deps
  const { secretData } = options
  report.begin('credentials of the repository')
  const isPrivate = state.repository?.isPrivate ?? options.isPrivate
  if (secretData === undefined || !isPrivate) return report.nothing('it is public, and needs none')
  const known = await client.get<KubeObject & { readonly data?: { readonly [key: string]: string } }>(secretKey, {
    signal,
  })
  if (known !== undefined && hasData(known.data ?? {}, secretData))
    return report.nothing(`${formatKey(secretKey)} has them`)
  if (known !== undefined && state.layout?.origin === 'flux')
    return report.nothing(`${formatKey(secretKey)} is that of Flux's bootstrap, and stays`)
  if (options.isDryRun) return report.done(`would write ${formatKey(secretKey)}, in the cluster only`)
  const body = {
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'Opaque',
    stringData: secretData,
    metadata: { name: syncName, namespace: systemNamespace, labels: { 'app.kubernetes.io/part-of': 'sluice' } },
  }
  await client.patch(secretKey, { type: 'apply', body, force: true }, { fieldManager: bootstrapManager, signal })
  state.writes += 1
  report.done(`${formatKey(secretKey)} written, in the cluster only`)
}

function hasData(data: { readonly [key: string]: string }, wanted: { readonly [key: string]: string }): boolean {
  return Object.entries(wanted).every(([key, value]) => {
    const bytes = fromBase64(data[key] ?? '')
    return bytes !== undefined && utf8Text(bytes) === value
  })
}

/**
 * The token that Kubernetes has put into the account's Secret.
 *
 * @throws EngineError `bootstrap-no-token` where it does not come in time.
 */
export async function readAccountToken(context: StepContext): Promise<string> {
  const { deps, options } = context
  const { client, clock, report, signal } = deps
  const key = { apiVersion: 'v1', kind: 'Secret', namespace: systemNamespace, name: tokenSecretName }
  const start = clock.now()
  for (;;) {
    const secret = await client.get<KubeObject & { readonly data?: { readonly token?: string } }>(key, { signal })
    const bytes = fromBase64(secret?.data?.token ?? '')
    const token = bytes === undefined ? '' : (utf8Text(bytes) ?? '')
    if (token !== '') return token
    // The controller deletes a Secret whose account it has not heard of yet, as it is when both are new.
    if (secret === undefined) await applyTokenSecret(context)
    const waited = clock.now() - start
    if (waited >= options.timeoutMs)
      throw new EngineError(
        `${formatKey(key)} has no token: the controller manager of the cluster fills it; look at its log, then run this again`,
        { code: 'bootstrap-no-token', disposition: 'retry' },
      )
    report.wait(`waiting for the token of the account ${accountName}`, Math.round(waited / 1000))
    await clock.sleep(options.pollMs, signal)
  }
}

async function applyTokenSecret(context: StepContext): Promise<void> {
  const { client, signal } = context.deps
  const isTokenSecret = ({ kind, metadata }: Manifest): boolean =>
    kind === 'Secret' && metadata.name === tokenSecretName
  const objects = builtObjects(context).filter(isTokenSecret)
  const { errors } = await applyStaged(client, applyRequest(objects, signal))
  const failure = combineFailures(errors)
  if (failure !== undefined) throw failure
}

/** Whether the Kustomization has applied a commit and is ready; what it says where it is not. */
export async function syncState({
  deps,
  state,
}: StepContext): Promise<{ readonly isReady: boolean; readonly message: string; readonly isFailed: boolean }> {
  const key = {
    apiVersion: apiVersions.Kustomization,
    kind: 'Kustomization',
    namespace: systemNamespace,
    name: syncName,
  }
  const object = await deps.client.get<{
    readonly status?: {
      readonly lastAppliedRevision?: string
      readonly lastAttemptedRevision?: string
      readonly conditions?: readonly { readonly type: string; readonly status: string; readonly message: string }[]
    }
  }>(key, { signal: deps.signal })
  const {
    conditions = [],
    lastAppliedRevision: applied = '',
    lastAttemptedRevision: attempted = '',
  } = object?.status ?? {}
  const ready = conditions.find(({ type }) => type === 'Ready')
  const head = state.head ?? ''
  const isReady = ready?.status === 'True' && head !== '' && applied.endsWith(head)
  const isFailed = ready?.status === 'False' && attempted.endsWith(head)
  return { isReady, isFailed, message: ready?.message ?? 'it has not been looked at yet' }
}
