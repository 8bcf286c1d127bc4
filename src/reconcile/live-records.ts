import type { EngineDeps, Job, NodeRecord, RunRecord } from './job.ts'
import { loadEarlierNodes, mergeNodes, saveRecord, type RunHead } from './run-record.ts'
import { idOfKey } from './world.ts'

/** Milliseconds between two looks that others get at a run while it works. */
const pauseMs = 1_000

/**
 * The records of a run's nodes, shown to others while the run works: what is set is saved at once, or a second after the last time. Saving meanwhile is
 * best effort: the record at the end has everything. Nobody watches a scan, so that only its end is saved.
 */
export class LiveRecords extends Map<string, NodeRecord> {
  readonly #deps: EngineDeps
  readonly #head: RunHead
  readonly #job: Job
  #earlier: readonly NodeRecord[] = []
  readonly #closing = new AbortController()
  #work: Promise<void> | undefined
  #isDirty = false

  constructor(deps: EngineDeps, job: Job, head: RunHead) {
    super()
    this.#deps = deps
    this.#head = head
    this.#job = job
  }

  override set(id: string, record: NodeRecord): this {
    super.set(id, record)
    this.#isDirty = this.#job.kind !== 'scan'
    this.#work ??= this.#saveAll()
    return this
  }

  /** What earlier looks of the run have saved: it stays in the record while this one works. */
  async loadEarlier(): Promise<readonly NodeRecord[]> {
    this.#earlier = await loadEarlierNodes(this.#deps, this.#job)
    return this.#earlier
  }

  /** Saves the run's last record; afterwards nothing else of it is. Whoever asks how it went is not told that it is over where it `goesOn` at once. */
  async end(record: RunRecord, goesOn = false): Promise<void> {
    this.#closing.abort()
    await this.#work
    await saveRecord(this.#deps, goesOn ? { ...record, state: 'running' } : record)
  }

  /** Every node of the run, with what its earlier looks did. */
  nodes(): readonly NodeRecord[] {
    const nodes = new Map(this.#earlier.map((node) => [idOfKey(node), node]))
    for (const [id, node] of this) {
      const before = nodes.get(id)
      nodes.set(id, before === undefined ? node : mergeNodes(before, node))
    }
    return [...nodes.values()]
  }

  async #saveAll(): Promise<void> {
    const { signal } = this.#closing
    while (this.#isDirty && !signal.aborted) {
      this.#isDirty = false
      const record: RunRecord = { ...this.#head, state: 'running', nodes: this.nodes(), timings: {} }
      await saveRecord(this.#deps, record).catch(() => undefined)
      if (!signal.aborted) await this.#deps.clock.sleep(pauseMs, signal).catch(() => undefined)
    }
    // In the same tick as the last look, so that nothing is set in between.
    this.#work = undefined
  }
}
