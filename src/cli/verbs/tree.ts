import { Command } from 'commander'
import { apiVersions, labels, type HelmRelease, type Kustomization } from '../../api/index.ts'
import { EngineError, isEngineError } from '../../base/index.ts'
import { decodeRelease, releaseSecretName } from '../../helm/index.ts'
import { inventoryKey, type KubeClient } from '../../kube/index.ts'
import { nameOf, namespaceOf, scalarText, type KubeObject } from '../../resources/index.ts'
import { parseDocuments } from '../../yaml/index.ts'
import { usageError } from '../exit-codes.ts'
import { withCluster } from '../target/cluster.ts'
import { addTargetFlags, namespaceOf as namespaceOfFlags, type TargetFlags } from '../target/flags.ts'
import { parseObject, shortName } from '../target/kinds.ts'
import { printAnswer } from '../terminal/output.ts'
import { createTerminal } from '../terminal/terminal.ts'
import { objectRow } from './object-row.ts'
import { compact, flatten, treeText, type TreeNode } from './tree-model.ts'

interface TreeFlags extends TargetFlags {
  readonly compact?: boolean
}

/** Kustomizations inside each other, beyond which something is wrong. */
const maxDepth = 30

/** `tree kustomization NAME`: what it made, through Kustomizations and HelmReleases. */
export function treeCommand(): Command {
  const command = new Command('tree')
    .description(
      'what a Kustomization (or HelmRelease) made: its inventory, through Kustomizations, HelmReleases and the storage of Helm',
    )
    .argument('<what...>', "kind and name: 'kustomization app', 'hr/app'")
    .option('--compact', "objects of Flux's kinds alone")
    .action(async (what: string[], flags: TreeFlags) => runTree(what, flags))
  return addTargetFlags(command, { cluster: true, output: true })
}

async function runTree(what: readonly string[], flags: TreeFlags): Promise<void> {
  const terminal = createTerminal(process, process.env)
  const key = parseObject(what, namespaceOfFlags(flags, process.env))
  if (key.kind !== 'Kustomization' && key.kind !== 'HelmRelease')
    throw usageError('a tree starts at a Kustomization or HelmRelease')
  const whole = await withCluster(flags, terminal, async ({ client }) =>
    readTree(client, { ...key, apiVersion: apiVersions[key.kind] }),
  )
  const tree = flags.compact === true ? compact(whole) : whole
  printAnswer(terminal, flags.output, {
    data: tree,
    names: flatten(tree).map(shortName),
    text: (style) => treeText(tree, style),
  })
}

interface Ref {
  readonly apiVersion: string
  readonly kind: string
  readonly namespace: string
  readonly name: string
}

/** The tree below an object of ours. @throws EngineError `not-found` for the root. */
export async function readTree(client: KubeClient, root: Ref): Promise<TreeNode> {
  const seen = new Set<string>()
  const visit = async (ref: Ref, depth: number): Promise<TreeNode> => {
    const isOurs = /^(kustomize|helm)\.toolkit\.fluxcd\.io\//.test(ref.apiVersion)
    const id = `${ref.kind}/${ref.namespace}/${ref.name}`
    if (!isOurs || !['Kustomization', 'HelmRelease'].includes(ref.kind)) return { ...ref, children: [] }
    if (seen.has(id) || depth > maxDepth) return { ...ref, note: 'shown above', children: [] }
    seen.add(id)
    const object = await client.get<KubeObject>(ref)
    if (object === undefined) {
      if (depth > 0) return { ...ref, note: 'it is not there', children: [] }
      throw new EngineError(`${ref.kind} '${ref.namespace}/${ref.name}' was not found; name its namespace with -n`, {
        code: 'not-found',
        disposition: 'wait',
      })
    }
    const { ready, suspended } = objectRow(object)
    const { refs, note } = await contentOf(client, object)
    const children: TreeNode[] = []
    for (const child of refs) children.push(await visit(child, depth + 1))
    return { ...ref, ready, ...(suspended ? { suspended } : {}), ...(note === undefined ? {} : { note }), children }
  }
  return visit(root, 0)
}

interface Content {
  readonly refs: readonly Ref[]
  readonly note?: string
}

async function contentOf(client: KubeClient, object: KubeObject): Promise<Content> {
  const ours = object as unknown as Kustomization | HelmRelease
  const isRemote = ours.spec.kubeConfig !== undefined
  const note = isRemote ? { note: 'its objects are in another cluster' } : {}
  if (ours.kind === 'HelmRelease') {
    const recorded = entriesOf(ours.status?.inventory)
    if (recorded.length > 0) return { refs: recorded, ...note }
    return isRemote ? { refs: [], ...note } : { refs: await releaseContent(client, ours) }
  }
  return { refs: entriesOf(ours.status?.inventory), ...note }
}

function entriesOf(
  inventory: { readonly entries?: readonly { readonly id: string; readonly v: string }[] } | undefined,
): readonly Ref[] {
  return (inventory?.entries ?? []).flatMap((entry) => {
    const key = inventoryKey(entry)
    return key === undefined
      ? []
      : [{ apiVersion: key.apiVersion, kind: key.kind, namespace: key.namespace ?? '', name: key.name }]
  })
}

/** The objects of the release that is deployed, from Helm's storage, and the definitions that came with the chart. */
async function releaseContent(client: KubeClient, release: HelmRelease): Promise<readonly Ref[]> {
  const { status } = release
  const latest = status?.history?.[0]
  if (latest === undefined || status?.storageNamespace === undefined) return []
  const name = releaseSecretName(latest.name, latest.version)
  const key = { apiVersion: 'v1', kind: 'Secret', namespace: status.storageNamespace, name }
  const secret = await client.get<{ readonly data?: { readonly release?: string } }>(key)
  const packed = secret?.data?.release
  if (packed === undefined) return []
  const { manifest, namespace } = decodeRelease(Buffer.from(packed, 'base64').toString('latin1'))
  const objects = parseDocuments(manifest, { dialect: 'sigs' })
    .documents.filter((document) => !document.empty)
    .map((document) => document.value as KubeObject)
  const refs = await Promise.all(
    objects.map(async (object): Promise<Ref> => {
      const ref = {
        apiVersion: scalarText(object['apiVersion']),
        kind: scalarText(object['kind']),
        name: nameOf(object),
      }
      return { ...ref, namespace: (await isNamespaced(client, ref)) ? namespaceOf(object) || namespace : '' }
    }),
  )
  return [...(await definitionsOf(client, release)), ...refs]
}

async function isNamespaced(
  client: KubeClient,
  kind: { readonly apiVersion: string; readonly kind: string },
): Promise<boolean> {
  try {
    return (await client.resource(kind)).namespaced
  } catch (error) {
    if (isEngineError(error) && error.code === 'kube-kind-unknown') return true
    throw error
  }
}

/** Definitions carry the labels of the release that brought them; nothing lists them otherwise. */
async function definitionsOf(client: KubeClient, release: HelmRelease): Promise<readonly Ref[]> {
  const { name, namespace = '' } = release.metadata
  const kind = { apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition' }
  const labelSelector = `${labels.helmName}=${name},${labels.helmNamespace}=${namespace}`
  try {
    const { items } = await client.list<{ readonly metadata: { readonly name: string } }>(kind, {
      labelSelector,
      metadataOnly: true,
    })
    return items.map((item) => ({ ...kind, namespace: '', name: item.metadata.name }))
  } catch (error) {
    // Who may not list definitions sees the rest.
    if (isEngineError(error) && error.code === 'kube-forbidden') return []
    throw error
  }
}
