import { manifestPage, manifestsPage, type ShownManifestFile } from '../../src/ui/index.ts'
import type { ManifestFile, StoredApplication } from '../../src/reconcile/index.ts'
import type { FunctionDeps } from '../deps.ts'
import { listManifests } from './list.ts'
import { findApplication, findManifests, type ClusterManifests, type ManifestTarget } from './read.ts'

type View = Parameters<typeof manifestsPage>[0]
type Page = ReturnType<typeof manifestsPage>

/** Which applications there are manifests of; undefined where there are none. */
export async function showManifests(deps: FunctionDeps, view: View, id: string): Promise<Page | undefined> {
  const found = await findManifests(deps, id)
  if (found === undefined) return undefined
  return manifestsPage(view, { ...listManifests(found), label: labelOf(found) })
}

/** What both commits make of one application; undefined where there is nothing. */
export async function showManifestChange(
  deps: FunctionDeps,
  view: View,
  { id, ...of }: ManifestTarget & { readonly id: string },
): Promise<Page | undefined> {
  const all = await findManifests(deps, id)
  const found = all && findApplication(all, of)
  if (all === undefined || found === undefined) return undefined
  const { application, read } = found
  const [base, head] = [await filesOf(read, application.base), await filesOf(read, application.head)]
  const [listed] = listManifests({
    ...all,
    clusters: all.clusters.filter(({ cluster }) => cluster === of.cluster),
  }).clusters
  const side = listed?.applications.find(
    (one) => one.kind === of.kind && one.namespace === of.namespace && one.name === of.name,
  )
  return manifestPage(view, {
    plan: id,
    label: labelOf(all),
    of: { cluster: of.cluster, kind: of.kind, namespace: of.namespace, name: of.name },
    ...(side?.base === undefined ? {} : { base: side.base }),
    ...(side?.head === undefined ? {} : { head: side.head }),
    files: joinFiles(base, head),
  })
}

function labelOf({ plan }: { readonly plan: { readonly repository: string; readonly number?: number } }): string {
  return plan.number === undefined ? plan.repository : `${plan.repository}#${plan.number}`
}

async function filesOf(
  read: ClusterManifests['read'],
  side: StoredApplication['base'],
): Promise<readonly ManifestFile[]> {
  return side === undefined || side === 'failed' ? [] : await read(side)
}

function joinFiles(base: readonly ManifestFile[], head: readonly ManifestFile[]): readonly ShownManifestFile[] {
  const before = new Map(base.map(({ name, text }) => [name, text]))
  const after = new Map(head.map(({ name, text }) => [name, text]))
  const names = [...new Set([...before.keys(), ...after.keys()])].toSorted()
  return names.map((name) => {
    const [was, is] = [before.get(name), after.get(name)]
    return { name, ...(was === undefined ? {} : { base: was }), ...(is === undefined ? {} : { head: is }) }
  })
}
