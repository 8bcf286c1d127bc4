import { ago, html, paths, plural, revision, type Html, type View } from './html.ts'
import { dataTable, layout, none } from './layout.ts'
import { pullLink, stateText, verdictBadge } from './plan-state.ts'
import type { PlanHead } from './plan-types.ts'

/** Plans of pull requests, newest first. */
export function plansPage(
  view: View,
  page: { readonly plans: readonly PlanHead[]; readonly next?: string; readonly isConfigured: boolean },
): Html {
  return layout(view, {
    title: 'Plans',
    at: 'plans',
    content: html`
      <h1>Plans</h1>
      ${
        page.isConfigured
          ? ''
          : html`<p class="note">
              No pull request is planned here: <code>PLANS</code> of the deployment says of which repositories.
            </p>`
      }
      ${page.plans.length === 0 ? noPlan(page.isConfigured) : planTable(view, page.plans)}
      ${
        page.next === undefined
          ? ''
          : html`<nav class="pages" aria-label="Pages"><a href="${paths.plans({ before: page.next })}">Older</a></nav>`
      }
    `,
  })
}

function noPlan(isConfigured: boolean): Html {
  if (!isConfigured) return html``
  return html`<p class="note">
    No plan is remembered. A pull request gets one when it is opened or pushed to, and when somebody who may comments
    <code>/plan</code> on it; whether the forge told of it is among the
    <a href="${paths.deliveries({ outcome: 'plan' })}">deliveries</a>.
  </p>`
}

function planTable(view: View, plans: readonly PlanHead[]): Html {
  return dataTable(
    'Plans',
    [
      { name: 'Plan' },
      { name: 'Verdict', set: 'nowrap' },
      { name: 'Pull request' },
      { name: 'Commit' },
      { name: 'Applications', set: 'num' },
      { name: 'Dangers', set: 'num' },
      { name: 'When', set: 'nowrap' },
    ],
    plans.map((plan) => [
      html`<a class="break" href="${paths.plan(plan.id)}">${plan.title === '' ? plan.id : plan.title}</a>`,
      html`${verdictBadge(plan.verdict)}<span class="reason">${stateText(plan)}</span>`,
      html`${pullLink(plan)} <span class="quiet">${plan.author}${plan.isFork ? ', from a fork' : ''}</span>`,
      revision(plan.head),
      plan.touched ?? none,
      plan.dangers === undefined ? none : plan.dangers === 0 ? '0' : html`<b>${plural(plan.dangers, 'danger')}</b>`,
      ago(view, plan.at),
    ]),
  )
}
