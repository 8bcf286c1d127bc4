import type { TestObject } from './kube-test-client.ts'

/** Annotation on a pod (or a workload's pod template) that asks for something other than becoming ready. */
export const behaviourAnnotation = 'fake-kubelet.sluice.dev/behaviour'

/**
 * What a pod does:
 * `run` becomes ready at once · `ready-after=2s` · `never-ready` runs without becoming ready · `image-pull` cannot pull its image ·
 * `crash-loop` ends with exit code 1 again and again · `succeed-after=1s` ends with exit code 0 · `fail` or `fail-after=1s` ends with exit code 1 ·
 * `unschedulable` never gets a node · `stuck-terminating` does not go away when deleted.
 */
export interface Behaviour {
  readonly kind:
    | 'run'
    | 'ready-after'
    | 'never-ready'
    | 'image-pull'
    | 'crash-loop'
    | 'succeed-after'
    | 'fail-after'
    | 'unschedulable'
    | 'stuck-terminating'
  readonly afterMs: number
}

/** Time that a Job's pod runs, so that a watcher can see it running. */
const jobDurationMs = 200

/** The behaviour that a pod asks for. Without the annotation a Job's pod ends with success shortly after its start, any other runs. */
export function behaviourOf(pod: TestObject): Behaviour {
  const wanted = pod.metadata.annotations?.[behaviourAnnotation]
  if (wanted === undefined) {
    const isJob = (pod.metadata.ownerReferences ?? []).some((owner) => owner.kind === 'Job')
    const ends = isJob && pod['spec'].restartPolicy !== 'Always'
    return ends ? { kind: 'succeed-after', afterMs: jobDurationMs } : { kind: 'run', afterMs: 0 }
  }
  const [name = '', after] = wanted.split('=')
  const afterMs = after === undefined ? undefined : durationMs(after)
  switch (name) {
    case 'fail':
    case 'fail-after':
      return { kind: 'fail-after', afterMs: afterMs ?? jobDurationMs }
    case 'ready-after':
    case 'succeed-after':
      return { kind: name, afterMs: afterMs ?? jobDurationMs }
    case 'run':
    case 'never-ready':
    case 'image-pull':
    case 'crash-loop':
    case 'unschedulable':
    case 'stuck-terminating':
      return { kind: name, afterMs: 0 }
    default:
      throw new TypeError(`unknown value '${wanted}' of the annotation ${behaviourAnnotation}`)
  }
}

function durationMs(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m)$/.exec(text)
  if (match === null) throw new TypeError(`'${text}' is not a duration such as 500ms, 2s or 1m`)
  return Number(match[1]) * { ms: 1, s: 1000, m: 60_000 }[match[2] as 'ms' | 's' | 'm']
}
