import { behaviourOf, type Behaviour } from './pod-behaviour.ts'
import { podStatus, type ContainerPhase } from './pod-status.ts'
import { beat, registerNode, type FakeNode } from './fake-node.ts'
import { createKubeTestClient, KubeTestError, type KubeTestClient, type TestObject } from './kube-test-client.ts'

export { behaviourAnnotation } from './pod-behaviour.ts'

export interface FakeKubeletOptions {
  readonly server: string
  readonly caPem: string
  readonly token: string
  /** Default 1. */
  readonly nodes?: number
  /** Places pods on nodes itself. Default true; false where a scheduler runs. */
  readonly bind?: boolean
  /** Told of failures that are not the pod's own, once each. Default: printed to standard error. */
  readonly onError?: (message: string) => void
}

/** Running fake nodes. */
export interface FakeKubelet {
  readonly nodeNames: readonly string[]
  stop(): Promise<void>
}

const heartbeatMs = 10_000
const restartEveryMs = 1_000
const pods = { apiVersion: 'v1', kind: 'Pod' } as const

/**
 * Plays the kubelets of one or more nodes: keeps the nodes Ready, gives pods without a node one, makes them run, end or fail as
 * {@link behaviourOf} says, and removes them once they are deleted. No container ever runs.
 */
export async function startFakeKubelet(options: FakeKubeletOptions): Promise<FakeKubelet> {
  const client = createKubeTestClient({ ...options, userAgent: 'fake-kubelet' })
  const nodes = Array.from({ length: options.nodes ?? 1 }, (_, i) => ({
    name: `fake-node-${i + 1}`,
    ip: `10.0.254.${i + 1}`,
  }))
  const stopping = new AbortController()
  await Promise.all(nodes.map((node) => registerNode(client, node)))
  const kubelet = new Kubelet(client, nodes, options.bind ?? true, stopping.signal, options.onError ?? printError)
  const heartbeat = setInterval(() => kubelet.heartbeat(), heartbeatMs)
  const loop = kubelet.run()
  return {
    nodeNames: nodes.map((node) => node.name),
    stop: async () => {
      clearInterval(heartbeat)
      stopping.abort()
      kubelet.clear()
      await loop
      client.close()
    },
  }
}

/** The pods of the nodes and what is to happen with them next. */
class Kubelet {
  readonly #client: KubeTestClient
  readonly #nodes: readonly FakeNode[]
  readonly #bind: boolean
  readonly #signal: AbortSignal
  readonly #onError: (message: string) => void
  /** What each pod (by uid) has been brought to, so that our own changes do not count as news. */
  readonly #stages = new Map<string, string>()
  readonly #timers = new Map<string, NodeJS.Timeout>()
  readonly #reported = new Set<string>()
  #next = 0
  #nextIp = 0

  constructor(
    client: KubeTestClient,
    nodes: readonly FakeNode[],
    bind: boolean,
    signal: AbortSignal,
    onError: (message: string) => void,
  ) {
    this.#client = client
    this.#nodes = nodes
    this.#bind = bind
    this.#signal = signal
    this.#onError = onError
  }

  /** Lists and watches until stopped; starts again where the watch ends. */
  async run(): Promise<void> {
    while (!this.#signal.aborted) {
      try {
        // Without a resource version the server first sends every pod that is there.
        for await (const event of this.#client.watch(pods, { signal: this.#signal })) {
          if (event.type === 'ADDED' || event.type === 'MODIFIED') this.#handle(event.object)
          if (event.type === 'DELETED') this.#forget(event.object.metadata.uid ?? '')
          if (event.type === 'ERROR') break
        }
      } catch (error) {
        if (this.#signal.aborted) return
        this.#report('watching pods', error)
        await new Promise((resolve) => setTimeout(resolve, 500))
      }
    }
  }

  heartbeat(): void {
    for (const node of this.#nodes) this.#attempt(`heartbeat of ${node.name}`, () => beat(this.#client, node))
  }

  clear(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer)
    this.#timers.clear()
  }

  #forget(uid: string): void {
    clearTimeout(this.#timers.get(uid))
    this.#timers.delete(uid)
    this.#stages.delete(uid)
  }

  #handle(pod: TestObject): void {
    let behaviour: Behaviour
    try {
      behaviour = behaviourOf(pod)
    } catch (error) {
      return this.#report(nameOf(pod), error)
    }
    const nodeName: string | undefined = pod['spec'].nodeName
    if (nodeName !== undefined && !this.#nodes.some((node) => node.name === nodeName)) return
    if (pod.metadata.deletionTimestamp !== undefined) {
      if (behaviour.kind !== 'stuck-terminating') this.#enter(pod, 'deleted', () => this.#delete(pod))
    } else if (nodeName === undefined) {
      this.#place(pod, behaviour)
    } else {
      this.#enter(pod, `started ${nodeName}`, () => this.#start(pod, behaviour))
    }
  }

  /** Does the work of a stage once per pod and stage. */
  #enter(pod: TestObject, stage: string, work: () => Promise<void>): void {
    const uid = pod.metadata.uid ?? ''
    if (this.#stages.get(uid) === stage) return
    this.#stages.set(uid, stage)
    this.#attempt(`${stage} ${nameOf(pod)}`, work)
  }

  #place(pod: TestObject, behaviour: Behaviour): void {
    const isSchedulable = behaviour.kind !== 'unschedulable' && (pod['spec'].schedulingGates ?? []).length === 0
    const node = this.#nodes[this.#next % this.#nodes.length]
    if (!this.#bind || node === undefined) return
    if (!isSchedulable) return this.#enter(pod, 'unschedulable', () => this.#markUnschedulable(pod))
    this.#next += 1
    this.#enter(pod, 'bound', async () => {
      const { name, namespace, uid } = pod.metadata
      const path = await this.#client.path({ ...pods, namespace, name })
      const body = {
        apiVersion: 'v1',
        kind: 'Binding',
        metadata: { name, namespace, uid },
        target: { apiVersion: 'v1', kind: 'Node', name: node.name },
      }
      await this.#client.request('POST', `${path}/binding`, { body })
    })
  }

  async #markUnschedulable(pod: TestObject): Promise<void> {
    const condition = {
      type: 'PodScheduled',
      status: 'False',
      reason: 'Unschedulable',
      message: `0/${this.#nodes.length} nodes are available`,
      lastTransitionTime: timestamp(),
    }
    await this.#patch(pod, { status: { conditions: [condition] } })
  }

  async #start(pod: TestObject, behaviour: Behaviour): Promise<void> {
    switch (behaviour.kind) {
      case 'image-pull':
        return this.#set(pod, { kind: 'waiting', reason: 'ImagePullBackOff', message: 'Back-off pulling image' })
      case 'crash-loop':
        return this.#crash(pod, 1)
      case 'never-ready':
        return this.#set(pod, { kind: 'running', ready: false })
      case 'ready-after':
        await this.#set(pod, { kind: 'running', ready: false })
        return this.#later(pod, behaviour.afterMs, () => this.#set(pod, { kind: 'running', ready: true }))
      case 'succeed-after':
        await this.#set(pod, { kind: 'running', ready: true })
        return this.#later(pod, behaviour.afterMs, () => this.#set(pod, { kind: 'ended', exitCode: 0 }))
      case 'fail-after':
        await this.#set(pod, { kind: 'running', ready: true })
        return this.#later(pod, behaviour.afterMs, () => this.#fail(pod))
      case 'run':
      case 'stuck-terminating':
      case 'unschedulable':
        return this.#set(pod, { kind: 'running', ready: true })
    }
  }

  /** A pod that may not be restarted fails; the containers of any other are started again. */
  #fail(pod: TestObject): Promise<void> {
    return pod['spec'].restartPolicy === 'Never' ? this.#set(pod, { kind: 'ended', exitCode: 1 }) : this.#crash(pod, 1)
  }

  async #crash(pod: TestObject, restarts: number): Promise<void> {
    await this.#set(pod, {
      kind: 'waiting',
      reason: 'CrashLoopBackOff',
      message: 'back-off restarting failed container',
      restarts,
    })
    this.#later(pod, restartEveryMs * Math.min(restarts, 10), () => this.#crash(pod, restarts + 1))
  }

  async #set(pod: TestObject, phase: ContainerPhase): Promise<void> {
    const current = await this.#client.find({ ...pods, namespace: pod.metadata.namespace, name: pod.metadata.name })
    if (current === undefined || current.metadata.uid !== pod.metadata.uid) return
    const node = this.#nodes.find((candidate) => candidate.name === current['spec'].nodeName)
    const podIp: string = current['status']?.podIP ?? this.#newIp()
    await this.#patch(current, podStatus(current, phase, { hostIp: node?.ip ?? '', podIp }, timestamp()))
  }

  async #patch(pod: TestObject, patch: object): Promise<void> {
    await this.#client.patch({ ...pods, namespace: pod.metadata.namespace, name: pod.metadata.name }, patch, {
      type: 'merge',
      subresource: 'status',
    })
  }

  async #delete(pod: TestObject): Promise<void> {
    this.clearTimer(pod)
    const { namespace, name, uid } = pod.metadata
    await this.#client.delete(
      { ...pods, namespace, name },
      { gracePeriodSeconds: 0, ...(uid === undefined ? {} : { uid }) },
    )
  }

  clearTimer(pod: TestObject): void {
    clearTimeout(this.#timers.get(pod.metadata.uid ?? ''))
  }

  #later(pod: TestObject, ms: number, work: () => Promise<void>): void {
    const uid = pod.metadata.uid ?? ''
    if (this.#signal.aborted || !this.#stages.has(uid)) return
    this.#timers.set(
      uid,
      setTimeout(() => this.#attempt(nameOf(pod), work), ms),
    )
  }

  /** Failures that belong to a pod on its way out (gone, replaced) are no failures. */
  #attempt(what: string, work: () => Promise<void>): void {
    work().catch((error: unknown) => {
      const isGone = error instanceof KubeTestError && (error.status === 404 || error.status === 409)
      if (!isGone && !this.#signal.aborted) this.#report(what, error)
    })
  }

  #report(what: string, error: unknown): void {
    const message = `fake kubelet: ${what}: ${error instanceof Error ? error.message : String(error)}`
    if (this.#reported.has(message)) return
    this.#reported.add(message)
    this.#onError(message)
  }

  #newIp(): string {
    this.#nextIp += 1
    return `10.244.${(this.#nextIp >> 8) & 255}.${this.#nextIp & 255}`
  }
}

function nameOf(pod: TestObject): string {
  return `pod ${pod.metadata.namespace ?? ''}/${pod.metadata.name}`
}

function timestamp(): string {
  return new Date().toISOString().replace(/\.\d+Z$/, 'Z')
}

function printError(message: string): void {
  process.stderr.write(`${message}\n`)
}
