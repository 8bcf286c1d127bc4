import { actionButton, type Offer } from './action-form.ts'
import { ago, html, objectLink, paths, revision, type Html, type View } from './html.ts'
import { dataTable } from './layout.ts'

/** An application of a cluster that waits for approval. */
export interface WaitingRow {
  /** `Kind/namespace/name`. */
  readonly application: string
  readonly revision: string
  /** Milliseconds since 1970. */
  readonly since: number
  readonly message: string
  readonly plan?: string
  /** Whether whoever looks may approve it. */
  readonly mayApprove: boolean
}

/** What waits on a cluster, and what the forms of whoever looks bring. */
export interface WaitingList {
  readonly rows: readonly WaitingRow[]
  /** Whether whoever looks may approve all of it. */
  readonly mayApproveAll: boolean
  readonly offer: Pick<Offer, 'tokenOf'>
}

/** What waits for approval on a cluster, with a button for each and one for all. */
export function waitingList(view: View, cluster: string, { rows, mayApproveAll, offer }: WaitingList): Html | '' {
  if (rows.length === 0) return ''
  const last = Math.max(...rows.map(({ since }) => since))
  const all: Offer = { ...offer, may: () => true }
  return html`<h2>Waits for approval</h2>
    ${dataTable(
      'Waits for approval',
      [
        { name: 'Application' },
        { name: 'Revision' },
        { name: 'Since', set: 'nowrap' },
        { name: 'Why', set: 'text' },
        { name: 'Approve' },
      ],
      rows.map((row) => [
        objectLink(cluster, row.application),
        revision(row.revision),
        ago(view, row.since),
        html`${row.message} ${row.plan === undefined ? '' : html`<a href="${paths.plan(row.plan)}">Its plan</a>`}`,
        row.mayApprove
          ? actionButton(all, 'approve', targetOf(cluster, row), { text: 'Approve…', isDangerous: true })
          : '',
      ]),
    )}
    ${
      mayApproveAll && rows.length > 1
        ? html`<section class="actions" aria-label="Everything that waits">
            ${actionButton(
              all,
              'approve',
              { cluster, waiting: 'yes', seen: String(last) },
              { text: 'Approve all that waits…', isDangerous: true },
            )}
          </section>`
        : ''
    }`
}

function targetOf(cluster: string, { application, since }: WaitingRow): { readonly [name: string]: string } {
  const [kind = '', namespace = '', name = ''] = application.split('/')
  return { cluster, kind, namespace, name, waiting: 'yes', seen: String(since) }
}
