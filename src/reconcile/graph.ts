/** A node of a run's graph: one Kustomization or HelmRelease. */
export interface GraphNode {
  /** `Kind/namespace/name`. */
  readonly id: string
  /** Nodes that must have ended before this one starts (`spec.dependsOn`). Ids outside the graph are ignored here. */
  readonly after: readonly string[]
  /** Nodes whose objects must have been applied before this one starts: it may be changed by them. Their health is not awaited. */
  readonly afterApplied: readonly string[]
}

/** Handed to a running node. */
export interface NodeControl {
  /** Says that this node's objects are applied: frees its place and wakes nodes that only needed that. */
  applied(): void
  /** Adds nodes found while running (a Kustomization that created another). Known ids are ignored. */
  add(nodes: readonly GraphNode[]): void
  /** The cycle of dependencies that this node is part of, as a path that starts and ends with the same id. */
  readonly cycle: readonly string[] | undefined
}

/** The first cycle found among `nodes` when only edges between them count, as a path `a, b, a`; undefined when there is none. */
export function findCycle(nodes: ReadonlyMap<string, GraphNode>): readonly string[] | undefined {
  const state = new Map<string, 'open' | 'closed'>()
  const path: string[] = []
  const visit = (id: string): readonly string[] | undefined => {
    const known = state.get(id)
    if (known === 'closed') return undefined
    if (known === 'open') return [...path.slice(path.indexOf(id)), id]
    state.set(id, 'open')
    path.push(id)
    const node = nodes.get(id)
    for (const next of node ? [...node.after, ...node.afterApplied] : []) {
      if (!nodes.has(next)) continue
      const cycle = visit(next)
      if (cycle) return cycle
    }
    path.pop()
    state.set(id, 'closed')
    return undefined
  }
  for (const id of [...nodes.keys()].sort()) {
    const cycle = visit(id)
    if (cycle) return cycle
  }
  return undefined
}

/** What {@link runGraph} needs. `run` does one node to its end and never rejects: failures are the node's own result. */
export interface RunGraphOptions {
  readonly nodes: readonly GraphNode[]
  /** Nodes that apply at the same time. A node that only waits for health takes no place. */
  readonly concurrency: number
  readonly run: (node: GraphNode, control: NodeControl) => Promise<void>
}

/**
 * Runs every node once, each as soon as what it depends on has ended (or, for `afterApplied`, has applied its objects), at most
 * `concurrency` applying at a time, in the order given where the graph leaves a choice. Nodes of a dependency cycle are run with
 * the cycle's path, so that they can report it; everything else goes on. Resolves when all nodes have ended.
 */
export function runGraph(options: RunGraphOptions): Promise<void> {
  const pending = new Map<string, GraphNode>()
  const known = new Set<string>()
  const applied = new Set<string>()
  const ended = new Set<string>()
  let places = 0
  let running = 0

  const add = (nodes: readonly GraphNode[]): void => {
    for (const node of nodes) {
      if (known.has(node.id)) continue
      known.add(node.id)
      pending.set(node.id, node)
    }
  }
  const isReady = (node: GraphNode): boolean =>
    node.after.every((id) => !known.has(id) || ended.has(id)) &&
    node.afterApplied.every((id) => !known.has(id) || applied.has(id) || ended.has(id))

  return new Promise((resolve, reject) => {
    const start = (node: GraphNode, cycle: readonly string[] | undefined): void => {
      pending.delete(node.id)
      places += 1
      running += 1
      let holdsPlace = true
      const release = (): void => {
        if (holdsPlace) places -= 1
        holdsPlace = false
      }
      const control: NodeControl = {
        cycle,
        add: (nodes) => {
          add(nodes)
          step()
        },
        applied: () => {
          applied.add(node.id)
          release()
          step()
        },
      }
      options
        .run(node, control)
        .then(() => {
          ended.add(node.id)
          running -= 1
          release()
          step()
        })
        .catch(reject)
    }
    const step = (): void => {
      for (const node of pending.values()) {
        if (places >= options.concurrency) return
        if (isReady(node)) start(node, undefined)
      }
      if (running > 0) return
      if (pending.size === 0) return resolve()
      const cycle = findCycle(pending)
      if (cycle === undefined) return reject(new TypeError('nodes are left although none depends on another'))
      for (const id of new Set(cycle)) {
        const node = pending.get(id)
        if (node) start(node, cycle)
      }
    }
    add(options.nodes)
    step()
  })
}
