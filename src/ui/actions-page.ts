import { ago, html, objectLink, paths, type Html, type View } from './html.ts'
import { dataTable, layout, none } from './layout.ts'

/** One entry of the record of actions. */
interface ActionRow {
  readonly at: number
  readonly actor: string
  readonly how: string
  readonly action: string
  readonly target?: object
  readonly reason?: string
  readonly outcome: string
  readonly run?: string
}

/** Who did what, newest first. */
export function actionsPage(
  view: View,
  page: { readonly actions: readonly ActionRow[]; readonly next?: string },
): Html {
  const { actions, next } = page
  return layout(view, {
    title: 'Actions',
    at: 'actions',
    content: html`
      <h1>Actions</h1>
      ${actions.length === 0 ? html`<p class="note">Nothing is recorded that you may see. What people do from pages, comments, the command line and tokens will stand here.</p>` : table(view, actions)}
      ${
        next === undefined
          ? ''
          : html`<nav class="pages" aria-label="Pages">
              <a href="/ui/actions?before=${encodeURIComponent(next)}">Older</a>
            </nav>`
      }
    `,
  })
}

function table(view: View, actions: readonly ActionRow[]): Html {
  return dataTable(
    'Actions',
    [
      { name: 'When', set: 'nowrap' },
      { name: 'Who' },
      { name: 'What' },
      { name: 'About' },
      { name: 'Outcome' },
      { name: 'Reason', set: 'wide' },
      { name: 'Run' },
    ],
    actions.map((one) => [
      ago(view, one.at),
      html`${one.actor} <span class="quiet">${one.how}</span>`,
      one.action,
      about(one.target),
      one.outcome === 'done' ? one.outcome : html`<span class="s-failed">${one.outcome}</span>`,
      one.reason ?? none,
      one.run === undefined ? none : html`<a href="${paths.run(one.run)}">${one.run.slice(0, 10)}</a>`,
    ]),
  )
}

function about(target: object | undefined): Html | string {
  const { cluster, kind, namespace, name, plan, run } = (target ?? {}) as { readonly [field: string]: string }
  if (cluster !== undefined && kind !== undefined && namespace !== undefined && name !== undefined)
    return html`${objectLink(cluster, `${kind}/${namespace}/${name}`)} <span class="quiet">${cluster}</span>`
  if (plan !== undefined) return html`Plan <code>${plan}</code>`
  if (run !== undefined) return html`Run <a href="${paths.run(run)}">${run.slice(0, 10)}</a>`
  return cluster === undefined ? none : `Cluster ${cluster}`
}
