import { idOfSummary, objectStates, type ObjectHead, type ObjectState } from '../reconcile/index.ts'
import type { ClusterHeads } from './heads.ts'

/** Which rows of the matrix are wanted. Fields that are left out match everything. */
export interface MatrixFilter {
  /** Applications are Kustomizations and HelmReleases; all else are sources. */
  readonly show?: 'applications' | 'sources' | undefined
  readonly state?: ObjectState | undefined
  /** Where the source has something newer. */
  readonly behind?: boolean | undefined
  /** In clusters that were not seen lately. */
  readonly stale?: boolean | undefined
  readonly namespace?: string | undefined
  readonly cluster?: string | undefined
  /** Part of a name, namespace, kind, revision or message, in any case. */
  readonly text?: string | undefined
}

/** One application (or source) in all clusters that have it. */
export interface MatrixRow {
  readonly id: string
  readonly kind: string
  readonly namespace: string
  readonly name: string
  readonly inCluster: ReadonlyMap<string, ObjectHead>
}

/** How many objects stand how, of those that the filter leaves, whatever state it asks for. */
export interface MatrixCounts {
  readonly all: number
  readonly applications: number
  readonly byState: { readonly [state in ObjectState]?: number }
  readonly behind: number
  readonly stale: number
}

/** A part of the matrix: some rows, some clusters. */
export interface MatrixPage {
  readonly rows: readonly MatrixRow[]
  readonly clusters: readonly ClusterHeads['health'][]
  readonly counts: MatrixCounts
  /** Rows that match, on all pages. */
  readonly total: number
  readonly page: number
  readonly pages: number
  /** The part of the clusters that is shown, and how many parts there are. */
  readonly columns: number
  readonly columnPages: number
  /** Namespaces and clusters there are to filter by. */
  readonly namespaces: readonly string[]
  readonly allClusters: readonly string[]
}

/** Rows and clusters on one page, and cells where there are many clusters: what a browser shows at once without waiting. */
const rowsPerPage = { most: 50, least: 25 }
const clustersPerPage = 24
const cellsPerPage = 600
/** Namespaces that are offered; others can be typed. */
const maxNamespaces = 300

/** One page of the matrix of applications and clusters, what needs a human first. Pages that are not there become the nearest. */
export function matrixOf(
  all: readonly ClusterHeads[],
  filter: MatrixFilter,
  at: { readonly page?: number | undefined; readonly columns?: number | undefined } = {},
): MatrixPage {
  const clusters = all.filter(({ health }) => filter.cluster === undefined || filter.cluster === health.cluster)
  const wanted = clusters.map(({ health, heads }) => ({
    health,
    heads: heads.filter((head) => isOfKind(head, filter.show ?? 'applications') && matchesPlace(head, filter)),
  }))
  const rows = rowsOf(wanted, filter)
  const shown = clusters.filter(({ health }) => filter.stale !== true || health.health === 'stale')
  const columnPages = Math.max(1, Math.ceil(shown.length / clustersPerPage))
  const columns = within(at.columns, columnPages)
  const pageSize = rowsFor(Math.min(shown.length, clustersPerPage))
  const pages = Math.max(1, Math.ceil(rows.length / pageSize))
  const page = within(at.page, pages)
  return {
    rows: rows.slice((page - 1) * pageSize, page * pageSize),
    clusters: shown.slice((columns - 1) * clustersPerPage, columns * clustersPerPage).map(({ health }) => health),
    counts: countsOf(wanted),
    total: rows.length,
    page,
    pages,
    columns,
    columnPages,
    namespaces: namespacesOf(all),
    allClusters: all.map(({ health }) => health.cluster),
  }
}

/** Rows of a page with so many clusters. It is the same on every part of the clusters, so that one can go on to the next with the rows before one's eyes. */
function rowsFor(clusters: number): number {
  return Math.max(rowsPerPage.least, Math.min(rowsPerPage.most, Math.floor(cellsPerPage / Math.max(1, clusters))))
}

function within(wanted: number | undefined, last: number): number {
  return Math.min(last, Math.max(1, Number.isSafeInteger(wanted) ? (wanted ?? 1) : 1))
}

function isOfKind({ kind }: ObjectHead, show: 'applications' | 'sources'): boolean {
  return (kind === 'Kustomization' || kind === 'HelmRelease') === (show === 'applications')
}

function matchesPlace(head: ObjectHead, { namespace, text }: MatrixFilter): boolean {
  if (namespace !== undefined && head.namespace !== namespace) return false
  if (text === undefined) return true
  const wanted = text.toLowerCase()
  return [idOfSummary(head), head.revision, head.on, head.message].some(
    (part) => part?.toLowerCase().includes(wanted) === true,
  )
}

function countsOf(clusters: readonly ClusterHeads[]): MatrixCounts {
  const byState: { [state in ObjectState]?: number } = {}
  const names = new Set<string>()
  let all = 0
  let behind = 0
  let stale = 0
  for (const { health, heads } of clusters) {
    for (const head of heads) {
      all += 1
      byState[head.state] = (byState[head.state] ?? 0) + 1
      names.add(idOfSummary(head))
      if (head.behind === true) behind += 1
    }
    if (health.health === 'stale') stale += heads.length
  }
  return { all, applications: names.size, byState, behind, stale }
}

/** Rows in which at least one object is in the wanted state; the others of the row are there to be compared with. */
function rowsOf(clusters: readonly ClusterHeads[], filter: MatrixFilter): readonly MatrixRow[] {
  const found = new Map<string, { readonly row: Map<string, ObjectHead>; isWanted: boolean; rank: number }>()
  for (const { health, heads } of clusters) {
    const isStale = health.health === 'stale'
    for (const head of heads) {
      const id = idOfSummary(head)
      const one = found.get(id) ?? { row: new Map<string, ObjectHead>(), isWanted: false, rank: objectStates.length }
      one.row.set(health.cluster, head)
      one.isWanted ||= isWanted(head, isStale, filter)
      one.rank = Math.min(one.rank, rankOf(head))
      found.set(id, one)
    }
  }
  return [...found]
    .filter(([, { isWanted: isShown }]) => isShown)
    .map(([id, { row, rank }]) => ({ id, row, key: sortKey(rank, id) }))
    .toSorted((a, b) => (a.key < b.key ? -1 : 1))
    .map(({ id, row }) => {
      const [kind = '', namespace = '', name = ''] = id.split('/')
      return { id, kind, namespace, name, inCluster: row }
    })
}

function isWanted(head: ObjectHead, isStale: boolean, { state, behind, stale }: MatrixFilter): boolean {
  return (
    (state === undefined || state === head.state) &&
    (behind !== true || head.behind === true) &&
    (stale !== true || isStale)
  )
}

function rankOf({ state }: ObjectHead): number {
  const rank = objectStates.indexOf(state)
  return rank === -1 ? objectStates.length : rank
}

/** What is worst stands first; below that, objects of a namespace together, whatever their kind. */
function sortKey(rank: number, id: string): string {
  const [kind, namespace, name] = id.split('/')
  return [String(rank).padStart(2, '0'), namespace, name, kind].join('\u0000')
}

function namespacesOf(clusters: readonly ClusterHeads[]): readonly string[] {
  const found = new Set<string>()
  for (const { heads } of clusters) for (const { namespace } of heads) found.add(namespace)
  return [...found].toSorted().slice(0, maxNamespaces)
}
