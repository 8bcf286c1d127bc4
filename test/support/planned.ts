import type { Kustomization } from '../../src/api/index.ts'
import { MemoryTree } from '../../src/files/index.ts'
import type { DigestApplication } from '../../src/plan/index.ts'
import { desiredOf } from '../../src/reconcile/change/desired.ts'
import { notePlanned, type ApprovalStore, type ChangesPolicy } from '../../src/reconcile/index.ts'
import { buildKustomization } from '../../src/reconcile/kustomization/build.ts'
import { systemClock } from './memory-ports.ts'
import type { Scenario } from './scenario.ts'

/** Keys plans of tests. */
export const planKey = new TextEncoder().encode('a key of plans that only tests use')

/** Gives the engine of a scenario a policy for changes, and the key that it needs. */
export function setPolicy(made: Scenario, changes: ChangesPolicy | undefined, more: object = {}): void {
  Object.assign(made.deps, { changes, planKey, ...more })
}

/** Where approvals of a scenario are. */
export function storeOf(made: Scenario): ApprovalStore {
  return { state: made.deps.state, clock: systemClock, key: planKey }
}

/** What a Kustomization `app` would be with these files, as a plan at that commit finds it out. */
export async function plannedOf(
  made: Scenario,
  files: { readonly [path: string]: string },
  name = 'app',
): Promise<DigestApplication> {
  const { namespace, client } = made
  const ref = { apiVersion: 'kustomize.toolkit.fluxcd.io/v1', kind: 'Kustomization', namespace, name }
  const object = (await client.get(ref)) as unknown as Kustomization
  const tree = new MemoryTree(
    Object.fromEntries(Object.entries(files).map(([path, text]) => [path, text.replaceAll('$NAMESPACE', namespace)])),
  )
  const { objects } = await buildKustomization({ ...object, kind: 'Kustomization' }, tree, new Map(), {
    strictSubstitution: true,
    signal: AbortSignal.timeout(10_000),
  })
  const digest = desiredOf(object, { objects, artifacts: { source: 'sha256:of another commit' } })
  return { cluster: made.deps.cluster.name, kind: 'Kustomization', namespace, name, ...digest, touched: [] }
}

/** Notes the plan of a pull request that would bring these files; undefined: it touches nothing. @returns its id. */
export async function notePlan(
  made: Scenario,
  pullRequest: number,
  files: { readonly [path: string]: string } | undefined,
  store = storeOf(made),
): Promise<string> {
  const plan = `plan${pullRequest}`
  await notePlanned(store, {
    cluster: made.deps.cluster.name,
    change: {
      plan,
      urls: [made.repository.url],
      repository: 'team/app',
      pullRequest,
      branch: 'refs/heads/main',
      base: 'a'.repeat(40),
      head: 'b'.repeat(40),
      live: 'read',
      secrets: 'used',
    },
    digests: files === undefined ? [] : [await plannedOf(made, files)],
  })
  return plan
}
