import { toEngineError, type EngineError } from '../base/index.ts'
import { createDirectReader } from '../kube/index.ts'
import type { CheckMark, SelectionReason } from './select.ts'
import { createConfigChanges, type ConfigChanges } from './config-changes.ts'
import type { AppliedChange, RunContext, StepControl } from './context.ts'
import { runGraph, type GraphNode, type NodeControl } from './graph.ts'
import { createHelmRun } from './helmrelease/shared.ts'
import { stepHelmRelease } from './helmrelease/step.ts'
import type { NodeRecord } from './job.ts'
import { stepKustomization } from './kustomization/step.ts'
import type { HeldLock } from './object-locks.ts'
import { decideNode } from './safety/hold-back.ts'
import { reasonOf, reasonWithoutChange, selectNodes, withDependants, type Selection } from './selection.ts'
import { configsDigest } from './watched-configs.ts'
import {
  artifactKeyOf,
  dependenciesOf,
  idOf,
  idOfKey,
  parentOf,
  refreshObject,
  reloadWorld,
  sourceKeyOf,
  type Workload,
} from './world.ts'

/** How the nodes of a run ended. */
export interface NodesOutcome {
  /** The first failure of the cluster itself: the job is to be tried again. */
  readonly failure: EngineError | undefined
  /** Somebody has taken values that changed afterwards. */
  readonly hasMissed: boolean
  /** Nodes that were left to a newer job for the same. */
  readonly left: number
}

/** Runs every selected node, and those that appear while running. What was done is in `records`. */
export async function runNodes(
  ctx: RunContext,
  selection: Selection,
  records: Map<string, NodeRecord>,
): Promise<NodesOutcome> {
  const run = new NodeRun(ctx, selection, records)
  const selected = selectNodes(ctx, selection)
  for (const node of selected) run.noteReason(node)
  await runGraph({
    nodes: withDependants(ctx.world, selected).map(graphNode),
    concurrency: ctx.deps.limits.nodeConcurrency,
    run: (node, control) => run.node(node, control),
  })
  return { failure: run.failure, hasMissed: run.values.noteMissed(selection.checks), left: run.left }
}

class NodeRun {
  readonly #ctx: RunContext
  readonly #selection: Selection
  readonly #records: Map<string, NodeRecord>
  readonly values: ConfigChanges
  /** Why a node was selected, for those that were for a reason of their own. */
  readonly #reasons = new Map<string, SelectionReason>()
  failure: EngineError | undefined
  left = 0

  constructor(ctx: RunContext, selection: Selection, records: Map<string, NodeRecord>) {
    this.#ctx = ctx
    this.#selection = selection
    this.#records = records
    this.values = createConfigChanges(ctx.world)
  }

  noteReason(node: Workload): void {
    const reason = reasonOf(this.#ctx, node, this.#selection)
    if (reason !== undefined) this.#reasons.set(idOf(node), reason)
  }

  /** Does one node to its end. Never rejects: what fails is the node's, or this run's failure. */
  async node({ id }: GraphNode, control: NodeControl): Promise<void> {
    const { locks, job, signal, replaced } = this.#ctx
    if (this.failure !== undefined) return
    if (replaced?.aborted === true) {
      this.left += 1
      return
    }
    try {
      // A scan does not wait for what somebody works on: it is looked at by the next one.
      const lock = job.kind === 'scan' ? locks.tryAcquire(id) : await locks.acquire(id, signal)
      if (lock === undefined) return
      try {
        await this.#work(id, lock, control)
      } finally {
        lock.release()
      }
    } catch (caught) {
      this.failure ??= toEngineError(caught)
    }
  }

  async #work(id: string, lock: HeldLock, control: NodeControl): Promise<void> {
    const isTouched = this.#ctx.locks.isTouched(id)
    if (isTouched) await refreshObject(this.#ctx, id)
    const found = this.#ctx.world.get(id)
    if (found?.kind !== 'Kustomization' && found?.kind !== 'HelmRelease') return
    const hasNewSource = await this.#followSource(found)
    if ((isTouched || hasNewSource) && this.#isDone(found)) return
    const decision = await decideNode(this.#ctx, found, {
      reason: reasonOf(this.#ctx, found, this.#selection),
      withoutChange: () => reasonWithoutChange(this.#ctx, found, this.#selection),
    })
    if (!decision.go) {
      this.#records.set(id, decision.record)
      return
    }
    const { object, go: _, ...frozen } = decision
    // Lists that the run has made are older than what the other job has written.
    const live = isTouched
      ? { live: createDirectReader(), helm: createHelmRun(false, this.#ctx.signal), isBulk: false }
      : {}
    const { superseded } = this.#ctx
    const signals = [lock.contended, ...(superseded === undefined ? [] : [superseded])]
    const ctx: RunContext = { ...this.#ctx, ...live, ...frozen, superseded: AbortSignal.any(signals) }
    const step: StepControl = {
      cycle: control.cycle,
      applied: (changes) => this.#applied(object, changes, control),
    }
    this.values.started(id)
    const before = this.#selection.checks.get(id)
    const record =
      object.kind === 'Kustomization'
        ? await stepKustomization(ctx, object, step)
        : await stepHelmRelease(ctx, object, step)
    this.#records.set(id, record)
    this.#selection.checks.set(id, this.#markOf(object, record, before))
  }

  /** Another job may have moved the object's source on: the newest revision wins. @returns whether it has. */
  async #followSource(object: Workload): Promise<boolean> {
    const { locks, sources } = this.#ctx
    let isMoved = false
    for (const key of [sourceKeyOf(object), artifactKeyOf(object)]) {
      if (key === undefined || !locks.isTouched(idOfKey(key))) continue
      await refreshObject(this.#ctx, idOfKey(key))
      sources.forget(key)
      isMoved = true
    }
    return isMoved
  }

  /** Whether another job has done meanwhile what this one came for. */
  #isDone(object: Workload): boolean {
    const reason = this.#reasons.get(idOf(object))
    return reason !== undefined && reasonOf(this.#ctx, object, this.#selection) === undefined
  }

  async #applied(object: Workload, changes: readonly AppliedChange[], control: NodeControl): Promise<void> {
    const { client, world, deps, signal } = this.#ctx
    if (changes.some(isOurs)) {
      await reloadWorld(client, world, deps.settings.namespaces, signal)
      const children = selectNodes(this.#ctx, this.#selection).filter((node) => parentOf(node) === idOf(object))
      for (const child of children) this.noteReason(child)
      control.add(withDependants(world, children).map(graphNode))
    }
    control.add(this.values.applied(object, changes).map(graphNode))
    control.applied()
  }

  #markOf(object: Workload, record: NodeRecord, before: CheckMark | undefined): CheckMark {
    const configs = this.#ctx.configs === undefined ? before?.configs : configsDigest(object, this.#ctx.configs)
    return {
      at: this.#ctx.deps.clock.now(),
      state: record.state,
      revision: record.revision ?? '',
      generation: object.metadata.generation ?? 0,
      ...(configs === undefined || configs === '' ? {} : { configs }),
      ...(before?.hasMissed === true ? { followed: before.followed ?? 0 } : {}),
    }
  }
}

/** Whether a change wrote or deleted an object that a run works on. */
function isOurs(change: AppliedChange): boolean {
  return (
    change.action !== 'unchanged' &&
    change.action !== 'skipped' &&
    /^(kustomize|helm|source)\.toolkit\.fluxcd\.io\//.test(change.apiVersion)
  )
}

function graphNode(object: Workload): GraphNode {
  const parent = parentOf(object)
  return {
    id: idOf(object),
    after:
      object.metadata.deletionTimestamp === undefined ? dependenciesOf(object).map((reference) => reference.id) : [],
    afterApplied: parent === undefined || parent === idOf(object) ? [] : [parent],
  }
}
