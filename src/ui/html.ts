import { html } from 'hono/html'

export { html }

/** A piece of a page. Strings that are put into one are escaped, pieces are not. */
export type Html = ReturnType<typeof html>

/** What pages know of their surroundings. */
export interface View {
  /** Milliseconds since 1970. */
  readonly now: number
  /** Who has signed in. */
  readonly user?: string
  /** Path of the stylesheet, which changes with its content. */
  readonly styleUrl: string
  /** Path of the script, which changes with its content, and what pages that refresh themselves are as old as. */
  readonly live?: { readonly scriptUrl: string; readonly version: string }
}

/** One application of a plan. */
export interface ManifestOf {
  readonly cluster: string
  readonly kind: string
  readonly namespace: string
  readonly name: string
}

/** Paths of the pages. */
export const paths = {
  overview: (query: { readonly [name: string]: string } = {}): string => withQuery('/ui', query),
  object: (cluster: string, id: string): string =>
    `/ui/objects/${[cluster, ...id.split('/')].map(encodeURIComponent).join('/')}`,
  commits: (query: { readonly [name: string]: string } = {}): string => withQuery('/ui/commits', query),
  commit: (sha: string): string => `/ui/commits/${encodeURIComponent(sha)}`,
  deliveries: (query: { readonly [name: string]: string } = {}): string => withQuery('/ui/deliveries', query),
  runs: (query: { readonly [name: string]: string } = {}): string => withQuery('/ui/runs', query),
  run: (id: string): string => `/ui/runs/${encodeURIComponent(id)}`,
  plans: (query: { readonly [name: string]: string } = {}): string => withQuery('/ui/plans', query),
  plan: (id: string): string => `/ui/plans/${encodeURIComponent(id)}`,
  planExport: (id: string, format: 'json' | 'markdown' | 'sarif'): string =>
    `/api/plans/${encodeURIComponent(id)}/export?format=${format}`,
  planManifests: (id: string): string => `/ui/plans/${encodeURIComponent(id)}/manifests`,
  planManifest: (id: string, { cluster, kind, namespace, name }: ManifestOf): string =>
    `/ui/plans/${encodeURIComponent(id)}/manifests/${[cluster, kind, namespace, name].map(encodeURIComponent).join('/')}`,
  planManifestFile: (id: string, of: ManifestOf, side: 'base' | 'head'): string => {
    const { cluster, kind, namespace, name } = of
    return withQuery(`/api/plans/${encodeURIComponent(id)}/manifests/file`, { cluster, kind, namespace, name, side })
  },
  planManifestArchive: (id: string, cluster?: string): string =>
    withQuery(`/api/plans/${encodeURIComponent(id)}/manifests/archive`, cluster === undefined ? {} : { cluster }),
  drift: (query: { readonly [name: string]: string } = {}): string => withQuery('/ui/drift', query),
  cluster: (cluster: string): string => `/ui/clusters/${encodeURIComponent(cluster)}`,
  action: (action: string): string => `/ui/actions/${encodeURIComponent(action)}`,
}

function withQuery(path: string, query: { readonly [name: string]: string }): string {
  const text = new URLSearchParams(query).toString()
  return text === '' ? path : `${path}?${text}`
}

/** A moment: how long ago, with the date where a pointer rests. */
export function ago(view: View, time: number | string | undefined): Html {
  const at = typeof time === 'string' ? Date.parse(time) : time
  if (at === undefined || Number.isNaN(at)) return html`<span class="quiet">–</span>`
  const iso = new Date(at).toISOString()
  return html`<time datetime="${iso}" title="${iso}">${relative(view.now - at)}</time>`
}

function relative(ms: number): string {
  return ms < 5_000 ? 'just now' : `${span(ms)} ago`
}

/** A time span in one unit: `40 s`, `3 h`. */
function span(ms: number): string {
  if (ms < 90_000) return `${Math.max(0, Math.round(ms / 1000))} s`
  if (ms < 90 * 60_000) return `${Math.round(ms / 60_000)} min`
  if (ms < 36 * 3_600_000) return `${Math.round(ms / 3_600_000)} h`
  return `${Math.round(ms / 86_400_000)} d`
}

/** How long something is so already, where there is room for few letters. */
export function ageText(view: View, since: number): string {
  return span(view.now - since)
}

/** The time of day in UTC, with the date where it was not today. */
export function clock(view: View, at: number): string {
  const iso = new Date(at).toISOString()
  const isToday = iso.slice(0, 10) === new Date(view.now).toISOString().slice(0, 10)
  return isToday ? iso.slice(11, 19) : `${iso.slice(0, 10)} ${iso.slice(11, 16)}`
}

/** A duration in the unit that fits. */
export function duration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`
  if (ms < 60_000) return `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s`
  if (ms < 3_600_000) return `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1000)} s`
  return `${(ms / 3_600_000).toFixed(1)} h`
}

/** A revision, its commit shortened and linked. */
export function revision(text: string | undefined): Html {
  if (text === undefined || text === '') return html`<span class="quiet">–</span>`
  const match = /^(.*?)(?:sha(?:1|256):)?([0-9a-f]{40}|[0-9a-f]{64})$/.exec(text)
  if (match === null) return html`<code>${text}</code>`
  const [, before = '', sha = ''] = match
  return html`<a class="rev" href="${paths.commit(sha)}" title="${text}"
    ><code>${before.replace(/@$/, '')}${before === '' ? '' : '@'}${sha.slice(0, 8)}</code></a
  >`
}

/** The commit of a revision alone, shortened and linked; what names no commit as it is, cut to what a cell has room for. */
export function commitLink(text: string): Html {
  const sha = /(?:^|[:@])([0-9a-f]{40}|[0-9a-f]{64})$/.exec(text)?.[1]
  if (sha !== undefined) return html`<a class="rev" href="${paths.commit(sha)}">${sha.slice(0, 8)}</a>`
  return text.length > 20 ? html`<span title="${text}">${text.slice(0, 19)}…</span>` : html`${text}`
}

/** A link to somewhere else, which may only be a page on the web: what has another scheme is printed as text. */
export function externalLink(url: string, text: string): Html {
  const isWeb = URL.canParse(url) && /^https?:$/.test(new URL(url).protocol)
  return isWeb ? html`<a class="out-link" href="${url}" rel="noopener noreferrer">${text}</a>` : html`${text}`
}

/** The name of an object by its id, as a link to its page. */
export function objectLink(cluster: string, id: string): Html {
  const [kind = '', namespace = '', name = ''] = id.split('/')
  return html`<a href="${paths.object(cluster, id)}"
    ><span class="kind">${kind}</span> ${namespace}/<wbr /><b>${name}</b></a
  >`
}

/** How many of something. */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`
}

/** A message, unless it only says again which revision was applied. */
export function messageText(message: string | undefined, reason: string | undefined): string {
  if (message === undefined) return reason ?? ''
  return /^(?:Applied|stored artifact for) revision:? \S+$/.test(message) ? '' : message
}
