import {
  heldOf,
  idOfSummary,
  objectStates,
  type ObjectState,
  type ObservedCluster,
  type ObservedObject,
} from '../observe/index.ts'
import { html, paths, plural, revision, type Html, type View } from './html.ts'
import { layout, scrolling } from './layout.ts'
import { badge, healthText, objectBadge, wordOf } from './state-badge.ts'

/** What of the matrix is shown. */
export interface OverviewFilter {
  readonly state?: ObjectState | undefined
  readonly namespace?: string | undefined
  readonly page?: number | undefined
}

/** Rows of the matrix on one page. */
const rowsPerPage = 200

/** Clusters against applications: what is where, in which state. */
export function overviewPage(view: View, clusters: readonly ObservedCluster[], filter: OverviewFilter): Html {
  const all = clusters.flatMap(({ objects }) => objects)
  const workloads = all.filter(({ summary }) => isWorkload(summary.kind))
  const shown = all.filter(
    ({ summary, state }) =>
      (filter.state === undefined || filter.state === state) &&
      (filter.namespace === undefined || filter.namespace === summary.namespace),
  )
  const apps = shown.filter(({ summary }) => isWorkload(summary.kind))
  const sources = shown.filter(({ summary }) => !isWorkload(summary.kind))
  const omitted = clusters.reduce((sum, cluster) => sum + cluster.omitted, 0)
  return layout(view, {
    title: 'Overview',
    at: 'overview',
    content: html`
      <h1>Applications</h1>
      ${summaryLine(clusters, workloads, filter)} ${unreachable(view, clusters)} ${heldClusters(clusters)}
      ${
        omitted === 0
          ? ''
          : html`<p class="note">${plural(omitted, 'object')} did not fit into the store and cannot be shown.</p>`
      }
      ${apps.length === 0 && sources.length === 0 ? nothing(all.length) : matrix(view, clusters, { apps, sources }, filter)}
    `,
  })
}

function isWorkload(kind: string): boolean {
  return kind === 'Kustomization' || kind === 'HelmRelease'
}

function summaryLine(
  clusters: readonly ObservedCluster[],
  workloads: readonly ObservedObject[],
  filter: OverviewFilter,
): Html {
  const counts = objectStates
    .map((state) => [state, workloads.filter((object) => object.state === state).length] as const)
    .filter(([, count]) => count > 0)
  const isAll = filter.state === undefined && filter.namespace === undefined
  return html`<nav class="chips" aria-label="Filter by state">
    <a href="${paths.overview()}" ${isAll ? html`aria-current="true"` : ''}
      >All ${workloads.length} in ${plural(clusters.length, 'cluster')}</a
    >
    ${counts.map(
      ([state, count]) =>
        html`<a href="${paths.overview({ state })}" ${filter.state === state ? html`aria-current="true"` : ''}
          >${badge(state, `${count} ${wordOf(state).toLowerCase()}`)}</a
        >`,
    )}
  </nav>`
}

function unreachable(view: View, clusters: readonly ObservedCluster[]): Html | '' {
  const failing = clusters.filter(({ health }) => health.health === 'stale')
  if (failing.length === 0) return ''
  return html`<ul class="notes" aria-label="Clusters that are not seen">
    ${failing.map(
      ({ health }) =>
        html`<li class="note bad">
          <b>${health.cluster}</b> ${healthText(view, health)}${
            health.error === undefined
              ? ''
              : html`<span class="reason">${health.error.code}: ${health.error.message}</span>`
          }
        </li>`,
    )}
  </ul>`
}

function heldClusters(clusters: readonly ObservedCluster[]): Html | '' {
  const held = clusters.flatMap(({ health, objects }) => {
    const found = heldOf(objects)
    return found === undefined ? [] : [{ name: health.cluster, message: found.message }]
  })
  if (held.length === 0) return ''
  return html`<ul class="notes" aria-label="Clusters that are not worked on">
    ${held.map(({ name, message }) => html`<li class="note warn"><b>${name}</b>: ${message}</li>`)}
  </ul>`
}

function nothing(known: number): Html {
  return known === 0
    ? html`<p class="note">
        Nothing is known yet: the first run of a cluster, by a push or a scan, saves what it sees.
      </p>`
    : html`<p class="note">No application is in this state.</p>`
}

function matrix(
  view: View,
  clusters: readonly ObservedCluster[],
  shown: { readonly apps: readonly ObservedObject[]; readonly sources: readonly ObservedObject[] },
  filter: OverviewFilter,
): Html {
  const apps = rowsOf(shown.apps)
  const page = Math.max(1, filter.page ?? 1)
  const onPage = apps.slice((page - 1) * rowsPerPage, page * rowsPerPage)
  const sources = rowsOf(shown.sources).slice(0, rowsPerPage)
  const label = 'Applications and sources by cluster'
  const table = html`<table class="matrix">
    <caption class="hidden">
      ${label}
    </caption>
    <thead>
      <tr>
        <th scope="col">Application</th>
        ${clusters.map(
          ({ health }) =>
            html`<th scope="col"><span class="cluster">${health.cluster}</span>${healthText(view, health)}</th>`,
        )}
      </tr>
    </thead>
    <tbody>
      ${onPage.map((row) => matrixRow(clusters, row))}
    </tbody>
    ${
      sources.length === 0
        ? ''
        : html`<tbody>
            <tr class="group">
              <th scope="rowgroup">Sources</th>
              <td colspan="${clusters.length}"></td>
            </tr>
            ${sources.map((row) => matrixRow(clusters, row))}
          </tbody>`
    }
  </table>`
  return html`${scrolling(label, table)}${pages(apps.length, page, filter)}`
}

interface Row {
  readonly id: string
  readonly inCluster: ReadonlyMap<string, ObservedObject>
}

function rowsOf(objects: readonly ObservedObject[]): readonly Row[] {
  const rows = new Map<string, Map<string, ObservedObject>>()
  for (const object of objects) {
    const id = idOfSummary(object.summary)
    rows.set(id, (rows.get(id) ?? new Map<string, ObservedObject>()).set(object.cluster, object))
  }
  return [...rows]
    .map(([id, inCluster]) => ({ id, inCluster }))
    .toSorted((a, b) => (sortKey(a.id) < sortKey(b.id) ? -1 : 1))
}

function matrixRow(clusters: readonly ObservedCluster[], { id, inCluster }: Row): Html {
  return html`<tr>
    <th scope="row">${rowName(id)}</th>
    ${clusters.map(({ health }) => cell(inCluster.get(health.cluster), health.health === 'stale'))}
  </tr>`
}

/** Objects of a namespace stand together, whatever their kind. */
function sortKey(id: string): string {
  const [kind, namespace, name] = id.split('/')
  return [namespace, name, kind].join('\u0000')
}

function rowName(id: string): Html {
  const [kind = '', namespace = '', name = ''] = id.split('/')
  return html`<span class="kind">${kind}</span> <span class="ns">${namespace}/</span><wbr /><b>${name}</b>`
}

function cell(object: ObservedObject | undefined, isStale: boolean): Html {
  if (object === undefined) return html`<td class="none"><span class="hidden">not there</span></td>`
  const { cluster, summary } = object
  const shown = summary.appliedRevision ?? summary.attemptedRevision
  return html`<td class="${isStale ? 'stale' : ''}">
    <a class="cell" href="${paths.object(cluster, idOfSummary(summary))}"
      >${isStale ? html`<span class="hidden">Stale: </span>` : ''}${objectBadge(object)}</a
    >
    <span class="under">${shown === undefined ? '' : revision(shown)}</span>
  </td>`
}

function pages(count: number, page: number, filter: OverviewFilter): Html | '' {
  const last = Math.ceil(count / rowsPerPage)
  if (last <= 1) return ''
  const link = (to: number, text: string): Html =>
    html`<a
      href="${paths.overview({
        ...(filter.state === undefined ? {} : { state: filter.state }),
        ...(filter.namespace === undefined ? {} : { namespace: filter.namespace }),
        page: String(to),
      })}"
      >${text}</a
    >`
  return html`<nav class="pages" aria-label="Pages of the table">
    ${page > 1 ? link(page - 1, 'Previous') : ''} <span>Page ${page} of ${last}</span>
    ${page < last ? link(page + 1, 'Next') : ''}
  </nav>`
}
