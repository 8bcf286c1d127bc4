import assert from 'node:assert/strict'
import { parse } from 'yaml'
import { planDocument, type PlanDocument, type PlannedApplication } from '../../src/plan/index.ts'
import { planChange, type ChangeJob, type ChangePlan, type ChangeRef } from '../../src/reconcile/index.ts'
import type { AuditMark } from './audit-log.ts'
import type { TestCluster } from './cluster.ts'
import type { GitTestFile } from './git-repository.ts'
import type { Scenario } from './scenario.ts'

/** A plan as the engine makes it, and the document that people see. */
export interface PlannedChange {
  readonly plan: ChangePlan
  readonly document: PlanDocument
  /** One application of the document: `Kustomization/app`. */
  readonly application: (name: string) => PlannedApplication
  /** `name action origin` of every object of an application that something happens to, in order. */
  readonly actions: (name: string) => readonly string[]
}

/** A key that plans of tests are made with. */
export const planKey = new TextEncoder().encode('a key for plans, 32 bytes long..')

/** Commits on a branch of their own what a pull request proposes; returns base and head. */
export async function propose(
  made: Pick<Scenario, 'repository' | 'namespace'>,
  files: { readonly [path: string]: GitTestFile },
  branch = `change-${crypto.randomUUID()}`,
): Promise<{ readonly base: string; readonly head: string }> {
  const { repository, namespace } = made
  const base = (await repository.head()) ?? ''
  await repository.setBranch(branch, base)
  const named = Object.entries(files).map(
    ([path, file]) => [path, typeof file === 'string' ? file.replaceAll('$NAMESPACE', namespace) : file] as const,
  )
  const head = await repository.commit(named, { branch })
  return { base, head }
}

/** Plans a change of a scenario's repository, as for a pull request of somebody with all rights. */
export async function planOf(
  made: Pick<Scenario, 'repository' | 'deps'>,
  commits: { readonly base: string; readonly head: string },
  change: Partial<ChangeRef> = {},
): Promise<PlannedChange> {
  const job: ChangeJob = {
    kind: 'trigger',
    runId: crypto.randomUUID(),
    cluster: 'test',
    receivedAt: Date.now(),
    plan: true,
    change: {
      plan: 'p1',
      urls: [made.repository.url],
      repository: 'team/app',
      branch: 'refs/heads/main',
      live: 'read',
      secrets: 'used',
      ...commits,
      ...change,
    },
  }
  const plan = await planChange({ ...made.deps, planKey }, job, new AbortController().signal)
  const document = planDocument({
    change: { repository: 'team/app', ...commits },
    applications: plan.applications,
  })
  const application = (name: string): PlannedApplication => {
    const found = document.applications.find((one) => `${one.kind}/${one.name}` === name)
    if (found === undefined)
      throw new Error(`no ${name} in the plan; there are ${document.applications.map((one) => one.name).join(', ')}`)
    return found
  }
  return {
    plan,
    document,
    application,
    actions: (name) => application(name).objects.map(({ ref, action, origin }) => `${ref.name} ${action} ${origin}`),
  }
}

/** Requests about a namespace, since a mark, that the server carried out: no reads, no dry-runs. */
export async function writesSince(
  cluster: TestCluster,
  mark: AuditMark,
  namespace: string,
): Promise<readonly string[]> {
  const { requests } = await cluster.requestCounts(mark)
  return requests
    .filter((request) => request.namespace === namespace || request.uri.includes(namespace))
    .filter(({ verb }) => !['get', 'list', 'watch'].includes(verb))
    .filter(({ uri }) => !uri.includes('dryRun=All'))
    .map(({ verb, uri }) => `${verb} ${uri}`)
}

/** Applies objects of ours that nobody renders, and runs what the repository says. */
export async function startApplications(made: Scenario, ...roots: readonly string[]): Promise<void> {
  for (const text of roots) await made.client.apply(parse(text.replaceAll('$NAMESPACE', made.namespace)) as object)
  const record = await made.pushed()
  assert.equal(record.state, 'succeeded', JSON.stringify(record).slice(0, 2000))
}
