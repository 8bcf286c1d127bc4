import type { PublicObject } from '../observe/index.ts'
import { ago, html, plural, type Html, type View } from './html.ts'
import { dataTable, none } from './layout.ts'
import { badge } from './state-badge.ts'

/** Names and states, for everybody: without links to what only readers see. */
export function publicPage(
  view: View,
  shown: { readonly clusters: readonly string[]; readonly objects: readonly PublicObject[]; readonly next?: string },
): Html {
  const { clusters, objects, next } = shown
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>Status · Sluice</title>
        <link rel="stylesheet" href="${view.styleUrl}" />
        <link rel="icon" type="image/svg+xml" href="/ui/icon.svg" />
      </head>
      <body>
        <header class="top">
          <span class="brand">Sluice</span>
          <nav aria-label="Pages"><a href="/ui/sign-in">Sign in</a></nav>
        </header>
        <main id="main">
          <h1>Status</h1>
          <p class="quiet">${plural(clusters.length, 'cluster')}</p>
          ${objects.length === 0 ? html`<p class="note">Nothing is shown to everybody.</p>` : table(view, objects)}
          ${
            next === undefined
              ? ''
              : html`<nav class="pages" aria-label="Pages">
                  <a href="/ui/public?cursor=${encodeURIComponent(next)}">More</a>
                </nav>`
          }
        </main>
      </body>
    </html>`
}

function table(view: View, objects: readonly PublicObject[]): Html {
  return dataTable(
    'Applications and sources',
    [{ name: 'Name' }, { name: 'Cluster' }, { name: 'State' }, { name: 'Revision' }, { name: 'Since', set: 'nowrap' }],
    objects.map(({ cluster, kind, namespace, name, state, revision, since }) => [
      html`<span class="kind">${kind}</span> ${namespace}/<wbr /><b>${name}</b>`,
      cluster,
      badge(state),
      revision === undefined ? none : html`<code>${revision}</code>`,
      ago(view, since),
    ]),
  )
}
