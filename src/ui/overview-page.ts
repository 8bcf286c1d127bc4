import { matrixOf, objectStates, type ClusterHeads, type MatrixFilter, type MatrixPage } from '../observe/index.ts'
import { html, paths, plural, type Html, type View } from './html.ts'
import { layout } from './layout.ts'
import { matrixTable } from './matrix-table.ts'
import { badge, healthText, wordOf } from './state-badge.ts'

/** What of the matrix is shown. */
export type OverviewFilter = MatrixFilter

type Query = { readonly [name: string]: string }

/** All clusters and all applications: what is where, in which state, since when. What needs a human stands first. */
export function overviewPage(
  view: View,
  clusters: readonly ClusterHeads[],
  filter: OverviewFilter,
  at: { readonly page?: number; readonly columns?: number } = {},
): Html {
  const matrix = matrixOf(clusters, filter, at)
  const isSources = filter.show === 'sources'
  return layout(view, {
    title: isSources ? 'Sources' : 'Applications',
    at: 'overview',
    live: summaryText(matrix),
    content: html`
      <h1>${isSources ? 'Sources' : 'Applications'}</h1>
      <p class="headline">${headline(matrix, isSources)}</p>
      ${chips(matrix, filter)} ${filterForm(matrix, filter)} ${staleClusters(view, clusters)} ${heldClusters(clusters)}
      ${matrix.rows.length === 0 ? nothing(matrix, filter) : matrixTable(view, matrix, isSources ? 'Source' : 'Application')}
      ${pager(matrix, filter)}
      <p class="quiet aside">
        ${isSources ? html`<a href="${paths.overview()}">Applications</a>` : html`<a href="${paths.overview({ show: 'sources' })}">Sources</a>`}
        <a href="/feed.xml">Feed</a>
      </p>
    `,
  })
}

/** How everything stands, in one sentence. */
function summaryText({ counts }: MatrixPage): string {
  const parts = objectStates
    .filter((state) => (counts.byState[state] ?? 0) > 0)
    .map((state) => `${counts.byState[state]} ${wordOf(state).toLowerCase()}`)
  const stale = counts.stale === 0 ? [] : [`${counts.stale} in clusters that are not seen`]
  return [...parts, ...stale].join(', ')
}

function headline({ counts, allClusters }: MatrixPage, isSources: boolean): Html {
  const what = isSources ? plural(counts.applications, 'source') : plural(counts.applications, 'application')
  const ready = counts.byState.ready ?? 0
  const rest = counts.all === 0 ? '' : ready === counts.all ? ', all ready' : `, ${ready} of ${counts.all} ready`
  return html`<span>${what} in ${plural(allClusters.length, 'cluster')}${rest}</span>`
}

/** The parts of a filter as a query, without `omit`. */
function queryOf(filter: OverviewFilter, omit: readonly (keyof OverviewFilter)[] = []): Query {
  const parts: { readonly [name in keyof OverviewFilter]-?: string | undefined } = {
    show: filter.show === 'sources' ? 'sources' : undefined,
    state: filter.state,
    behind: filter.behind === true ? 'true' : undefined,
    stale: filter.stale === true ? 'true' : undefined,
    namespace: filter.namespace,
    cluster: filter.cluster,
    text: filter.text,
  }
  return Object.fromEntries(
    Object.entries(parts).filter(
      ([name, value]) => value !== undefined && !omit.includes(name as keyof OverviewFilter),
    ),
  ) as Query
}

function chips({ counts }: MatrixPage, filter: OverviewFilter): Html {
  const base = queryOf(filter, ['state', 'behind', 'stale'])
  const isAll = filter.state === undefined && filter.behind !== true && filter.stale !== true
  const chip = (more: Query, isCurrent: boolean, text: Html): Html =>
    html`<a href="${paths.overview({ ...base, ...more })}" ${isCurrent ? html`aria-current="true"` : ''}>${text}</a>`
  return html`<nav class="chips" aria-label="Filter by state">
    ${chip({}, isAll, html`All ${counts.all}`)}
    ${objectStates
      .filter((state) => (counts.byState[state] ?? 0) > 0 || filter.state === state)
      .map((state) =>
        chip(
          { state },
          filter.state === state,
          badge(state, `${counts.byState[state] ?? 0} ${wordOf(state).toLowerCase()}`),
        ),
      )}
    ${
      counts.behind === 0 && filter.behind !== true
        ? ''
        : chip({ behind: 'true' }, filter.behind === true, badge('behind', `${counts.behind} behind`))
    }
    ${
      counts.stale === 0 && filter.stale !== true
        ? ''
        : chip({ stale: 'true' }, filter.stale === true, badge('stale', `${counts.stale} stale`))
    }
  </nav>`
}

function filterForm({ namespaces, allClusters }: MatrixPage, filter: OverviewFilter): Html {
  const kept = queryOf(filter, ['namespace', 'cluster', 'text'])
  const isFiltered = filter.namespace !== undefined || filter.cluster !== undefined || filter.text !== undefined
  return html`<form class="filter" action="/ui" method="get" role="search" aria-label="Filter">
    ${Object.entries(kept).map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}" />`)}
    <label>Contains <input name="text" value="${filter.text ?? ''}" autocomplete="off" spellcheck="false" /></label>
    <label>Namespace ${options('namespace', namespaces, filter.namespace)}</label>
    ${allClusters.length < 2 ? '' : html`<label>Cluster ${options('cluster', allClusters, filter.cluster)}</label>`}
    <button type="submit">Filter</button>
    ${isFiltered ? html`<a href="${paths.overview(kept)}">Clear</a>` : ''}
  </form>`
}

function options(name: string, values: readonly string[], wanted: string | undefined): Html {
  const listed = wanted === undefined || values.includes(wanted) ? values : [wanted, ...values]
  return html`<select name="${name}">
    <option value="">all</option>
    ${listed.map((value) => html`<option value="${value}" ${value === wanted ? html`selected` : ''}>${value}</option>`)}
  </select>`
}

function staleClusters(view: View, clusters: readonly ClusterHeads[]): Html | '' {
  const failing = clusters.map(({ health }) => health).filter(({ health }) => health === 'stale')
  if (failing.length === 0) return ''
  return html`<ul class="notes" id="stale" aria-label="Clusters that are not seen">
    ${failing.map(
      (health) =>
        html`<li class="note bad" data-key="${health.cluster}">
          <b>${health.cluster}</b> ${healthText(view, health)}${
            health.error === undefined
              ? ''
              : html`<span class="reason">${health.error.code}: ${health.error.message}</span>`
          }
        </li>`,
    )}
  </ul>`
}

function heldClusters(clusters: readonly ClusterHeads[]): Html | '' {
  const held = clusters.flatMap(({ health, heads }) => {
    // A window is told where it holds something: it may be that of one application.
    const message = heads.find((head) => head.held !== undefined && head.held.kind !== 'window')?.held?.message
    return message === undefined ? [] : [{ cluster: health.cluster, message }]
  })
  if (held.length === 0) return ''
  return html`<ul class="notes" id="held" aria-label="Clusters that are not worked on">
    ${held.map(
      ({ cluster, message }) => html`<li class="note warn" data-key="${cluster}"><b>${cluster}</b>: ${message}</li>`,
    )}
  </ul>`
}

function nothing({ counts, allClusters }: MatrixPage, filter: OverviewFilter): Html {
  const isFiltered = Object.keys(queryOf(filter, ['show'])).length > 0
  return counts.all === 0 && !isFiltered
    ? nothingYet(allClusters)
    : html`<p class="note">Nothing matches. <a href="${paths.overview()}">Show all applications</a></p>`
}

/** What to do next where no run has saved anything. */
function nothingYet(clusters: readonly string[]): Html {
  if (clusters.length === 0)
    return html`<p class="note">
      There is no cluster that you may see. <code>CLUSTERS</code> of the deployment names its clusters, and
      <code>ACCESS</code> who sees which.
    </p>`
  return html`<p class="note">
      Nothing is known yet of ${clusters.length <= 5 ? clusters.join(', ') : plural(clusters.length, 'cluster')}: the
      first run of a cluster, by a push or a scan, saves what it sees. Should nothing come, this is where to look:
    </p>
    <ol class="next">
      <li><a href="${paths.runs({ quiet: 'true' })}">Runs</a>: whether one has begun, and why it ended.</li>
      <li><a href="${paths.deliveries()}">Deliveries</a>: whether a webhook of the forge has come in.</li>
      <li><code>sluice doctor</code>: whether the clusters can be reached, and the permissions are enough.</li>
      <li>
        Whether the clusters have a Kustomization or HelmRelease at all, in a namespace that the deployment looks after.
      </li>
    </ol>`
}

function pager({ page, pages, columns, columnPages, total }: MatrixPage, filter: OverviewFilter): Html | '' {
  if (pages <= 1 && columnPages <= 1) return ''
  const query = queryOf(filter)
  const link = (to: Query, text: string, rel: 'prev' | 'next'): Html =>
    html`<a href="${paths.overview({ ...query, page: String(page), columns: String(columns), ...to })}" rel="${rel}"
      >${text}</a
    >`
  const rows =
    pages <= 1
      ? ''
      : html`<span class="turn">
          ${page > 1 ? link({ page: String(page - 1) }, 'Previous', 'prev') : ''}
          <span>Page ${page} of ${pages}, ${total} rows</span>
          ${page < pages ? link({ page: String(page + 1) }, 'Next', 'next') : ''}
        </span>`
  const clusters =
    columnPages <= 1
      ? ''
      : html`<span class="turn">
          ${columns > 1 ? link({ columns: String(columns - 1) }, 'Clusters before', 'prev') : ''}
          <span>Clusters, part ${columns} of ${columnPages}</span>
          ${columns < columnPages ? link({ columns: String(columns + 1) }, 'More clusters', 'next') : ''}
        </span>`
  return html`<nav class="pages" aria-label="Pages of the table">${rows} ${clusters}</nav>`
}
