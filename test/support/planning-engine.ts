import type { CreateEngine } from '../../functions/engine.ts'
import { raw, type ApplicationInput } from '../../src/plan/index.ts'
import { changeJob, type ChangeJob, type ChangePlan, type EngineDeps } from '../../src/reconcile/index.ts'
import { manifestSide } from '../../src/reconcile/change/manifests.ts'
import type { KubeObject } from '../../src/resources/index.ts'

/** What stands in for looking at a cluster. */
export type FakePlan = (job: ChangeJob) => ChangePlan | Promise<ChangePlan>

/** An engine that plans changes as `plan` says, and stores them as the real one does; all other jobs succeed. */
export function planningEngine(plan: FakePlan): CreateEngine {
  return (runtime) => (job, signals) => {
    const { planKey } = runtime.config
    const deps = { ...runtime, ...(planKey === undefined ? {} : { planKey }) } as unknown as EngineDeps
    if (job.change !== undefined) return changeJob(deps, job as ChangeJob, signals, async (_, own) => plan(own))
    const { runId: id, cluster, kind: trigger, receivedAt } = job
    const finishedAt = runtime.clock.now()
    return Promise.resolve({
      record: { id, cluster, trigger, receivedAt, state: 'succeeded', finishedAt, nodes: [], timings: {} },
    })
  }
}

function configMap(color: string): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'colors', namespace: 'shop' },
    data: { color },
  }
}

/** The plan of one application in which a ConfigMap gets the head's first digits; with `objects` empty nothing is touched. */
export function colorPlan(job: ChangeJob, more: Partial<ApplicationInput> = {}): ChangePlan {
  const { base, head } = job.change
  const rendered = (commit: string) => ({
    object: raw(configMap(`color-${commit.slice(0, 8)}`)),
    open: 'itself' as const,
    file: 'app/a.yaml',
    line: 1,
  })
  const key = { cluster: job.cluster, kind: 'Kustomization', namespace: 'flux-system', name: 'shop' } as const
  const application: ApplicationInput = {
    ...key,
    state: 'planned',
    prune: true,
    force: false,
    live: job.change.live === 'denied' ? 'denied' : 'not-asked',
    hasSecrets: false,
    objects: [{ base: rendered(base), head: rendered(head) }],
    ...more,
  }
  const digests = [{ ...key, desired: [rendered(head).object], artifacts: {}, touched: [] }]
  return { applications: [application], digests, renders: 2, requests: 3 }
}

/** The same plan with what both commits render, as the engine makes it: the ConfigMap that changes and one that stays. */
export function manifestsPlan(job: ChangeJob): ChangePlan {
  const key = new TextEncoder().encode('a key of plans of the tests')
  const side = (commit: string) => {
    const same = { ...configMap('always'), metadata: { name: 'same', namespace: 'shop' } }
    const objects = [configMap(`color-${commit.slice(0, 8)}`), same]
    return manifestSide(
      { objects: objects.map((one) => ({ object: raw(one), open: 'itself' as const })) },
      { key, place: [job.cluster], room: 1 << 20 },
    )
  }
  const { base, head } = job.change
  const application = { kind: 'Kustomization', namespace: 'flux-system', name: 'shop' } as const
  return { ...colorPlan(job), manifests: [{ ...application, base: side(base), head: side(head) }] }
}
