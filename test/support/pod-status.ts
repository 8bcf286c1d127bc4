import type { TestObject } from './kube-test-client.ts'

/** What a container is doing. */
export type ContainerPhase =
  | { readonly kind: 'running'; readonly ready: boolean; readonly restarts?: number }
  | { readonly kind: 'waiting'; readonly reason: string; readonly message: string; readonly restarts?: number }
  | { readonly kind: 'ended'; readonly exitCode: number; readonly restarts?: number }

interface ContainerSpec {
  readonly name: string
  readonly image?: string
}

/** The address that a node and its pods have. */
export interface PodAddress {
  readonly hostIp: string
  readonly podIp: string
}

/**
 * The status that a kubelet writes for a pod whose containers are all in `phase`, as a merge patch. Conditions that others wrote
 * (PodScheduled) stay.
 */
export function podStatus(pod: TestObject, phase: ContainerPhase, address: PodAddress, now: string): object {
  const isReady = phase.kind === 'running' && phase.ready
  const hasEnded = phase.kind === 'ended'
  const isPulling = phase.kind === 'waiting' && phase.restarts === undefined
  const reason = isReady ? undefined : hasEnded && phase.exitCode === 0 ? 'PodCompleted' : 'ContainersNotReady'
  const known: { type: string; status: string; lastTransitionTime: string }[] = pod['status']?.conditions ?? []
  const condition = (type: string, isTrue: boolean, why?: string): object => {
    const status = isTrue ? 'True' : 'False'
    const before = known.find((entry) => entry.type === type)
    return {
      type,
      status,
      lastTransitionTime: before?.status === status ? before.lastTransitionTime : now,
      lastProbeTime: null,
      ...(isTrue || why === undefined ? {} : { reason: why, message: why }),
    }
  }
  const ours = [
    condition('PodReadyToStartContainers', !hasEnded),
    condition('Initialized', true),
    condition('ContainersReady', isReady, reason),
    condition('Ready', isReady, reason),
  ]
  const names = new Set(['PodReadyToStartContainers', 'Initialized', 'ContainersReady', 'Ready'])
  const containers: ContainerSpec[] = pod['spec'].containers
  const initContainers: ContainerSpec[] = pod['spec'].initContainers ?? []
  return {
    status: {
      phase: podPhase(phase, isPulling),
      observedGeneration: pod.metadata.generation,
      conditions: [...known.filter((entry) => !names.has(entry.type)), ...ours],
      hostIP: address.hostIp,
      hostIPs: [{ ip: address.hostIp }],
      podIP: address.podIp,
      podIPs: [{ ip: address.podIp }],
      startTime: pod['status']?.startTime ?? now,
      qosClass: pod['status']?.qosClass ?? 'BestEffort',
      containerStatuses: containers.map((container) => containerStatus(pod, container, phase, now)),
      ...(initContainers.length === 0
        ? {}
        : {
            initContainerStatuses: initContainers.map((container) =>
              containerStatus(pod, container, { kind: 'ended', exitCode: 0 }, now),
            ),
          }),
    },
  }
}

function podPhase(phase: ContainerPhase, isPulling: boolean): string {
  if (phase.kind === 'ended') return phase.exitCode === 0 ? 'Succeeded' : 'Failed'
  return isPulling ? 'Pending' : 'Running'
}

function containerStatus(pod: TestObject, container: ContainerSpec, phase: ContainerPhase, now: string): object {
  const restarts = phase.restarts ?? 0
  const id = `fake://${pod.metadata.uid}/${container.name}/${restarts}`
  const ended = (exitCode: number): object => ({
    exitCode,
    reason: exitCode === 0 ? 'Completed' : 'Error',
    startedAt: pod['status']?.startTime ?? now,
    finishedAt: now,
    containerID: id,
  })
  const state =
    phase.kind === 'running'
      ? { running: { startedAt: now } }
      : phase.kind === 'waiting'
        ? { waiting: { reason: phase.reason, message: phase.message } }
        : { terminated: ended(phase.exitCode) }
  return {
    name: container.name,
    image: container.image ?? '',
    imageID: `fake://${container.image ?? ''}`,
    containerID: id,
    ready: phase.kind === 'running' && phase.ready,
    started: phase.kind === 'running',
    restartCount: restarts,
    state,
    lastState: restarts > 0 ? { terminated: ended(1) } : {},
  }
}
