import type { Verdict } from '../plan/index.ts'
import { html, type Html } from './html.ts'
import type { PlanHead } from './plan-types.ts'
import { badge } from './state-badge.ts'

const verdicts: { readonly [verdict in Verdict]: readonly [state: string, text: string] } = {
  failed: ['failed', 'Cannot be applied'],
  incomplete: ['partial', 'Not known everywhere'],
  blocked: ['blocked', 'Needs approval'],
  dangers: ['drifted', 'Needs a careful look'],
  changes: ['ready', 'Can be applied'],
  nothing: ['skipped', 'Does nothing'],
}

/** The worst that is to be said of a plan, as sign and word. */
export function verdictBadge(verdict: Verdict | undefined): Html {
  if (verdict === undefined) return badge('running', 'Being planned')
  const [state, text] = verdicts[verdict]
  return badge(state, text)
}

/** What became of the pull request, where it is not open with this plan. */
export function stateText({ state }: Pick<PlanHead, 'state'>): string {
  const words = {
    current: '',
    superseded: 'a newer commit took its place',
    merged: 'merged',
    closed: 'closed without a merge',
  }
  return words[state]
}

/** The pull request, linked where its address is one of the web. */
export function pullLink({ repository, number, webUrl }: Pick<PlanHead, 'repository' | 'number' | 'webUrl'>): Html {
  const name = `${repository}#${number}`
  const isWeb = URL.canParse(webUrl) && /^https?:$/.test(new URL(webUrl).protocol)
  return isWeb ? html`<a href="${new URL(webUrl).href}" rel="noreferrer">${name}</a>` : html`${name}`
}
