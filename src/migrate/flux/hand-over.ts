import { annotations, fieldManagers } from '../../api/index.ts'
import { EngineError } from '../../base/index.ts'
import { leaseKind, type KubeClient, type LeaseObject, type ObjectKey } from '../../kube/index.ts'
import { mapOf, metaMap } from '../maps.ts'
import { handOverAnnotations, type Controller, type FluxInstallation, type FluxInstance } from './controllers.ts'
import { scalarText, type KubeMap } from '../../resources/index.ts'

/** What a hand-over needs. */
export interface HandOver {
  readonly client: KubeClient
  readonly signal: AbortSignal
  /** Milliseconds since 1970 after which nothing is waited for. */
  readonly deadline: number
  /** Says what is done, in words for people. */
  readonly onStep: (message: string) => void
}

const pollMs = 500
/** What keeps Flux (and Sluice) from putting a Deployment's replicas back to what Git says. */
const disabled = 'disabled'
const instanceAnnotation = 'fluxcd.controlplane.io/reconcile'

/**
 * Stops the controllers that Sluice takes the place of. Each keeps its Deployment, with the replicas that it had in an annotation, and with
 * `kustomize.toolkit.fluxcd.io/reconcile: disabled`: where the Deployments are in Git, neither Flux nor Sluice scales them up again. All of them are annotated before the
 * first is stopped; who applies is stopped first. A FluxInstance is disabled before, for its operator would put everything back. What is done already is not done again.
 *
 * Effects: annotations and `spec.replicas` of the Deployments, an annotation of FluxInstances; nothing else, nothing is deleted.
 * @throws EngineError `wait-timeout` where a controller is not gone in time; `controller-back` where somebody scales one up again.
 */
export async function stopControllers(run: HandOver, { controllers, instances }: FluxInstallation): Promise<void> {
  const stopped = controllers.filter((one) => one.isServed)
  for (const instance of instances) await disableInstance(run, instance)
  for (const controller of stopped) {
    const notes = metaMap(controller.object, 'annotations')
    const known = notes[handOverAnnotations.reconcile]
    await annotate(run, keyOf(controller), {
      [handOverAnnotations.replicas]: String(controller.remembered ?? controller.replicas),
      [handOverAnnotations.reconcile]: known ?? notes[annotations.reconcile] ?? '',
      [annotations.reconcile]: disabled,
    })
  }
  for (const controller of stopped) {
    run.onStep(`scaling ${controller.name} to 0`)
    await scale(run, controller, 0)
    await waitUntilGone(run, controller)
  }
  for (const controller of stopped) {
    const now = await run.client.get(keyOf(controller), { signal: run.signal })
    if (now !== undefined && mapOf(now['spec'])['replicas'] !== 0)
      throw new EngineError(
        `${controller.name} was scaled up again by somebody else; find out who (an autoscaler, another tool), and begin again`,
        { code: 'controller-back', disposition: 'wait' },
      )
  }
}

/**
 * Brings the controllers back: the replicas that they had, and what their Deployments and FluxInstances were annotated with.
 *
 * Effects: as {@link stopControllers}. @returns how many were brought back. @throws EngineError `wait-timeout` where one is not available in time.
 */
export async function startControllers(run: HandOver, { controllers, instances }: FluxInstallation): Promise<number> {
  const back = controllers.filter((one) => one.remembered !== undefined)
  // Who fetches comes first: the others ask it for artifacts.
  for (const controller of back.toReversed()) {
    run.onStep(`scaling ${controller.name} to ${controller.remembered}`)
    await scale(run, controller, controller.remembered ?? 1)
  }
  for (const controller of back) await waitUntilAvailable(run, controller)
  for (const controller of back) {
    const before = metaMap(controller.object, 'annotations')[handOverAnnotations.reconcile] ?? ''
    await annotate(run, keyOf(controller), {
      [handOverAnnotations.replicas]: null,
      [handOverAnnotations.reconcile]: null,
      [annotations.reconcile]: before === '' ? null : before,
    })
  }
  for (const instance of instances) {
    const { annotations: notes, key } = instance
    if (notes[handOverAnnotations.operatorReconcile] === undefined) continue
    run.onStep(`letting the flux-operator have FluxInstance ${key.name} again`)
    await annotate(run, key, {
      [handOverAnnotations.operatorReconcile]: null,
      [instanceAnnotation]: notes[handOverAnnotations.operatorReconcile] || null,
      [handOverAnnotations.reconcile]: null,
      [annotations.reconcile]: notes[handOverAnnotations.reconcile] || null,
    })
  }
  return back.length
}

/** Where it is in Git with the operator's annotation, the next run would write that again: it is left alone too. */
async function disableInstance(run: HandOver, { key, annotations: notes }: FluxInstance): Promise<void> {
  run.onStep(`keeping the flux-operator from FluxInstance ${key.name}`)
  await annotate(run, key, {
    [handOverAnnotations.operatorReconcile]:
      notes[handOverAnnotations.operatorReconcile] ?? notes[instanceAnnotation] ?? '',
    [instanceAnnotation]: disabled,
    [handOverAnnotations.reconcile]: notes[handOverAnnotations.reconcile] ?? notes[annotations.reconcile] ?? '',
    [annotations.reconcile]: disabled,
  })
}

function annotate(run: HandOver, key: ObjectKey, notes: KubeMap): Promise<unknown> {
  const body = { metadata: { annotations: notes } }
  return run.client.patch(key, { type: 'merge', body }, { fieldManager: fieldManagers.operator, signal: run.signal })
}

function scale(run: HandOver, controller: Controller, replicas: number): Promise<unknown> {
  const body = { spec: { replicas } }
  const options = { fieldManager: fieldManagers.operator, signal: run.signal }
  return run.client.patch(keyOf(controller), { type: 'merge', body }, options)
}

function keyOf({ namespace, name }: Controller): ObjectKey {
  return { apiVersion: 'apps/v1', kind: 'Deployment', namespace, name }
}

/** No pod is there any more, and nobody holds the lock of the leader. */
async function waitUntilGone(run: HandOver, controller: Controller): Promise<void> {
  const { namespace, object, name, component } = controller
  const labels = Object.entries(mapOf(mapOf(mapOf(object['spec'])['selector'])['matchLabels']))
  const labelSelector = labels.map(([key, value]) => `${key}=${scalarText(value)}`).join(',')
  await until(run, `${name} is still there`, async () => {
    const pods = await run.client.list(
      { apiVersion: 'v1', kind: 'Pod' },
      { namespace, labelSelector, metadataOnly: true, signal: run.signal },
    )
    return pods.items.length === 0
  })
  const lock = { ...leaseKind, namespace, name: `${component}-leader-election` }
  await until(run, `${name} still has its lock ${lock.name}`, async () => {
    const lease = await run.client.get<LeaseObject>(lock, { signal: run.signal })
    return lease === undefined || !isLeaseHeld(lease, run.client.clock.now())
  })
}

/** Whether somebody holds a Lease now. */
export function isLeaseHeld({ spec }: LeaseObject, now: number): boolean {
  if ((spec?.holderIdentity ?? '') === '') return false
  const renewed = Date.parse(spec?.renewTime ?? '')
  return !Number.isNaN(renewed) && now <= renewed + (spec?.leaseDurationSeconds ?? 0) * 1000
}

async function waitUntilAvailable(run: HandOver, controller: Controller): Promise<void> {
  const wanted = controller.remembered ?? 1
  await until(run, `${controller.name} is not available yet`, async () => {
    const status = mapOf((await run.client.get(keyOf(controller), { signal: run.signal }))?.['status'])
    return Number(status['availableReplicas'] ?? 0) >= wanted
  })
}

async function until(run: HandOver, problem: string, isDone: () => Promise<boolean>): Promise<void> {
  while (!(await isDone())) {
    if (run.client.clock.now() > run.deadline) {
      throw new EngineError(`${problem}; look at its pods, then run the same command again`, {
        code: 'wait-timeout',
        disposition: 'wait',
      })
    }
    await run.client.clock.sleep(pollMs, run.signal)
  }
}
