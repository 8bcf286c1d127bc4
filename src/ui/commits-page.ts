import type { Run } from '../coordinator/index.ts'
import { forgeCommitUrl } from '../observe/index.ts'
import { ago, externalLink, html, paths, plural, type Html, type View } from './html.ts'
import { dataTable, layout, none } from './layout.ts'
import { badge } from './state-badge.ts'

/** Commits that were pushed, newest first, each once. */
export function commitsPage(view: View, page: { readonly runs: readonly Run[]; readonly before?: string }): Html {
  const pushes = pushesOf(page.runs)
  const [newest] = pushes
  return layout(view, {
    title: 'Commits',
    at: 'commits',
    live: newest === undefined ? 'no commit' : `newest commit ${newest.commit.slice(0, 8)}, ${newest.run.state}`,
    content: html`
      <h1>Commits</h1>
      <form class="filter" action="/ui/commits" method="get">
        <label
          >Trace a commit
          <input
            name="commit"
            pattern="[0-9a-fA-F]{7,64}"
            title="A commit, or at least seven digits of it"
            autocomplete="off"
            spellcheck="false"
            required
        /></label>
        <button type="submit">Trace</button>
      </form>
      ${
        pushes.length === 0
          ? html`<p class="note">
              No push is remembered. What a webhook told of is kept for two weeks; whether any has come in is among the
              <a href="${paths.deliveries()}">deliveries</a>. Without webhooks, scans find what is new:
              <a href="${paths.overview({ show: 'sources' })}">sources</a> show at which commit they are.
            </p>`
          : pushTable(view, pushes)
      }
      ${
        page.before === undefined
          ? ''
          : html`<nav class="pages" aria-label="Pages">
              <a href="${paths.commits({ before: page.before })}">Older</a>
            </nav>`
      }
    `,
  })
}

interface Push {
  readonly commit: string
  readonly run: Run
}

function pushesOf(runs: readonly Run[]): readonly Push[] {
  const found = new Map<string, Push>()
  for (const run of runs) {
    const commit = run.push?.after?.toLowerCase() ?? ''
    if (/^[0-9a-f]{40,64}$/.test(commit) && !found.has(commit)) found.set(commit, { commit, run })
  }
  return [...found.values()]
}

function pushTable(view: View, pushes: readonly Push[]): Html {
  return dataTable(
    'Commits that were pushed',
    [
      { name: 'Commit' },
      { name: 'Pushed', set: 'nowrap' },
      { name: 'State' },
      { name: 'Branch' },
      { name: 'By' },
      { name: 'Clusters' },
      { name: 'Forge' },
    ],
    pushes.map(({ commit, run }) => {
      const url = forgeCommitUrl(run.push, commit)
      return [
        html`<a href="${paths.commit(commit)}"><code>${commit.slice(0, 12)}</code></a>`,
        html`<a href="${paths.run(run.id)}">${ago(view, run.receivedAt)}</a>`,
        badge(run.state),
        html`<code>${(run.push?.ref ?? '').replace(/^refs\/(?:heads|tags)\//, '')}</code>`,
        run.push?.actor ?? none,
        progress(run),
        url === undefined ? none : externalLink(url, run.push?.provider ?? 'forge'),
      ]
    }),
  )
}

/** In how many clusters it is done. */
function progress(run: Run): Html {
  const done = run.records.filter(({ state }) => state === 'succeeded').length
  const total = run.clusters.length
  return html`${done === total ? plural(total, 'cluster') : `${done} of ${plural(total, 'cluster')}`}`
}
