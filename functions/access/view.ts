import { EngineError } from '../../src/base/index.ts'
import type { Run, RunStore } from '../../src/coordinator/index.ts'
import type { StateEntry, StateStore } from '../../src/ports/index.ts'
import type { Reader } from '../authorize-reading.ts'
import type { FunctionDeps } from '../deps.ts'
import { storedParts, viewOfRecord, viewOfTarget } from './stored-parts.ts'

/** Pages of the store, and runs, that are looked through for one answer to somebody who sees little of it. */
const maxPages = 40
const maxRuns = 400
const pageSize = 40

/**
 * What handlers may read of a deployment for one reader: the one place where anything is kept from somebody. The state store, the runs and the list of clusters show what the reader may see, and hide everything else as if it
 * were not there. What the view does not know is hidden, so that what is stored under a new prefix is kept from those with a scope until `storedParts` says how it is shown. Nothing can be written through it.
 */
export function viewFor(deps: FunctionDeps, reader: Reader): FunctionDeps {
  if (reader.seesAll) return { ...deps, reader }
  const clusters = deps.config.clusters.filter(({ name }) => reader.maySee({ cluster: name }))
  return {
    ...deps,
    reader,
    config: { ...deps.config, clusters },
    state: viewOfState(deps.state, reader),
    runs: viewOfRuns(deps.runs, reader),
    planSource: {
      state: sealedPlans(deps.state),
      runs: { getRecord: (id, cluster) => deps.runs.getRecord(id, cluster) },
    },
    connectTo: (cluster) => (reader.maySee({ cluster }) ? deps.connectTo(cluster) : Promise.resolve(undefined)),
  }
}

function viewOfState(state: StateStore, reader: Reader): StateStore {
  const show = ({ key, value }: StateEntry): StateEntry | undefined => {
    const part = storedParts.find(({ prefix }) => key.startsWith(prefix))
    const shown = part?.show(reader, key.slice(part.prefix.length).split('/'), value)
    return shown === undefined ? undefined : { key, value: shown }
  }
  return {
    get: async (key) => {
      const value = await state.get(key)
      return value === undefined ? undefined : show({ key, value })?.value
    },
    list: async (prefix, options = {}) => {
      const { limit = 100 } = options
      const found: StateEntry[] = []
      let { after } = options
      // Callers take a page that is not full for the last.
      for (let page = 0; page < maxPages && found.length < limit; page++) {
        const entries = await state.list(prefix, { ...options, limit, ...(after === undefined ? {} : { after }) })
        found.push(...entries.flatMap((entry) => show(entry) ?? []))
        if (entries.length < limit) break
        after = entries.at(-1)?.key
      }
      return found.slice(0, limit)
    },
    put: readOnly,
    putIfAbsent: readOnly,
    delete: readOnly,
  }
}

/** Plans of pull requests as they are stored, and nothing else. Nobody reads anything in them without the key; `plans/views.ts`, which has it, shows of them what a reader may see. */
function sealedPlans(state: StateStore): StateStore {
  const isPlan = (key: string): boolean => key.startsWith('plans/')
  return {
    get: (key) => (isPlan(key) ? state.get(key) : Promise.resolve(undefined)),
    list: (prefix, options) => (isPlan(prefix) ? state.list(prefix, options) : Promise.resolve([])),
    put: readOnly,
    putIfAbsent: readOnly,
    delete: readOnly,
  }
}

function readOnly(): Promise<never> {
  return Promise.reject(new EngineError('nothing is written for somebody who reads', { code: 'state-read-only' }))
}

function viewOfRuns(runs: RunStore, reader: Reader): RunStore {
  return {
    get: async (id) => viewOfRun(reader, await runs.get(id)),
    getRecord: async (id, cluster) => {
      const record = await runs.getRecord(id, cluster)
      return record === undefined ? undefined : viewOfRecord(reader, record)
    },
    list: async ({ limit, before }) => {
      const found: Run[] = []
      let at = before
      for (let looked = 0; looked < maxRuns && found.length < limit; looked += pageSize) {
        const page = await runs.list({ limit: pageSize, ...(at === undefined ? {} : { before: at }) })
        found.push(...page.flatMap((run) => viewOfRun(reader, run) ?? []))
        if (page.length < pageSize) break
        at = page.at(-1)?.id
      }
      return found.slice(0, limit)
    },
    putRequest: readOnly,
    putRecord: readOnly,
  }
}

/** A run with the clusters and objects that a reader may see; undefined where there are none, as if there were no such run. */
export function viewOfRun(reader: Reader, run: Run | undefined): Run | undefined {
  if (run === undefined) return undefined
  const records = run.records.map((record) => viewOfRecord(reader, record)).filter((record) => record !== undefined)
  const { id, trigger, receivedAt, state, push, actor, plan, target } = run
  const seen = viewOfTarget(reader, run.clusters, target)
  // What a trigger names is known before any cluster has begun.
  const named = target === undefined || target === 'cluster' || seen === undefined ? [] : run.clusters
  const clusters = run.clusters.filter(
    (cluster) =>
      records.some((record) => record.cluster === cluster) || (named.includes(cluster) && reader.maySee({ cluster })),
  )
  if (clusters.length === 0) return undefined
  return {
    id,
    trigger,
    receivedAt,
    state,
    clusters,
    records: records.filter(({ cluster }) => clusters.includes(cluster)),
    ...(push === undefined ? {} : { push }),
    ...(actor === undefined ? {} : { actor }),
    ...(plan === undefined ? {} : { plan }),
    ...(seen === undefined ? {} : { target: seen }),
  }
}
