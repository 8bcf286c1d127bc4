import type { Verdict } from '../plan/index.ts'
import { html, paths, type Html } from './html.ts'
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
export function stateText({ state, afterMerge }: Pick<PlanHead, 'state' | 'afterMerge'>): string {
  if (afterMerge !== undefined) return afterMergeText(state, afterMerge)
  const words = {
    current: '',
    superseded: 'a newer commit took its place',
    merged: 'merged',
    closed: 'closed without a merge',
  }
  return words[state]
}

function afterMergeText(state: PlanHead['state'], clusters: readonly string[]): string {
  const made = `made after the merge for ${clusters.join(', ')}`
  return state === 'superseded' ? `${made}; a newer commit took its place` : made
}

/** The name of a pull request; of the repository alone where it is not known. */
export function pullName({ repository, number }: Pick<PlanHead, 'repository' | 'number'>): string {
  return number === undefined ? repository : `${repository}#${number}`
}

/** A sentence in which plans that it names by id are linked: of what waits for one. */
export function withPlanLinks(text: string): Html {
  const parts = text.split(/\b([0-9a-f]{32})\b/)
  return html`${parts.map((part, at) => (at % 2 === 0 ? part : html`<a class="break" href="${paths.plan(part)}">${part}</a>`))}`
}

/** The pull request, linked where its address is one of the web. */
export function pullLink(head: Pick<PlanHead, 'repository' | 'number' | 'webUrl'>): Html {
  const { webUrl } = head
  const name = pullName(head)
  const isWeb = URL.canParse(webUrl) && /^https?:$/.test(new URL(webUrl).protocol)
  return isWeb ? html`<a href="${new URL(webUrl).href}" rel="noreferrer">${name}</a>` : html`${name}`
}
