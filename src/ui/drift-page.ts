import type { DriftedApplication, DriftOverview } from '../observe/index.ts'
import { ignoreRules, type DriftNote } from '../reconcile/index.ts'
import { ago, html, objectLink, paths, plural, type Html, type View } from './html.ts'
import { dataTable, layout, none } from './layout.ts'

/** Applications on one page. */
const pageSize = 50
/** Differences of one application that are listed. */
const maxListed = 100

/** What somebody else has changed, on every cluster: which field, to what, by whom, since when, and the rule that leaves it alone. */
export function driftPage(
  view: View,
  overview: DriftOverview,
  filter: { readonly cluster?: string | undefined; readonly page: number },
): Html {
  const { applications, omitted, stale, unseen } = overview
  const pages = Math.max(1, Math.ceil(applications.length / pageSize))
  const page = Math.min(Math.max(1, filter.page), pages)
  const shown = applications.slice((page - 1) * pageSize, page * pageSize)
  const count = applications.reduce((sum, { differences }) => sum + differences.length, 0)
  return layout(view, {
    title: 'Drift',
    at: 'drift',
    content: html`
      <h1>Drift</h1>
      <p class="headline">
        ${
          count === 0
            ? html`<span class="quiet"
                >The last looks have found nothing that differs from
                Git${filter.cluster === undefined ? '' : ` in ${filter.cluster}`}.</span
              >`
            : html`${plural(count, 'difference')} in ${plural(applications.length, 'application')}`
        }
      </p>
      ${stale.length === 0 ? '' : html`<p class="note warn">Not seen lately: ${stale.map(({ cluster }) => cluster).join(', ')}. What is shown of it may be old.</p>`}
      ${unseen.length === 0 ? '' : html`<p class="note">Not looked at yet: ${unseen.join(', ')}. The first scan of a cluster looks for drift too; <a href="${paths.runs({ quiet: 'true' })}">runs</a> say whether one has begun.</p>`}
      ${omitted.length === 0 ? '' : html`<p class="note warn">Not all of it is shown of ${omitted.join(', ')}.</p>`}
      ${filter.cluster === undefined ? '' : html`<p><a href="${paths.drift()}">Of all clusters</a></p>`}
      ${shown.map((application) => section(view, application))} ${pager(filter.cluster, page, pages)}
    `,
  })
}

function section(view: View, { cluster, id, differences }: DriftedApplication): Html {
  const listed = differences.slice(0, maxListed)
  const rules = ignoreYaml(id, differences)
  return html`<section aria-label="${cluster} ${id}">
    <h2><span class="kind">${cluster}</span> ${objectLink(cluster, id)}</h2>
    ${dataTable(
      `Differences of ${id} in ${cluster}`,
      [
        { name: 'Object' },
        { name: 'Field' },
        { name: 'Cluster has' },
        { name: 'Git says' },
        { name: 'Written by' },
        { name: 'First seen', set: 'nowrap' },
        { name: 'Found', set: 'nowrap' },
        { name: 'Done' },
      ],
      listed.map((one) => row(view, one)),
    )}
    ${differences.length > listed.length ? html`<p class="quiet">and ${differences.length - listed.length} more</p>` : ''}
    ${
      rules === ''
        ? ''
        : html`<details class="rule">
            <summary>The rule that leaves ${differences.length === 1 ? 'this' : 'these'} alone</summary>
            <p class="quiet">
              To be added to ${id.replace(/^[^/]*\//, '')} in Git. Leave out what should still be put back.
            </p>
            <pre tabindex="0">${rules}</pre>
          </details>`
    }
  </section>`
}

function row(view: View, one: DriftNote): readonly (Html | string | number)[] {
  const { object, path, change, live, wanted, manager, writtenAt, firstSeen, count, action } = one
  return [
    html`<code class="break">${object}</code>`,
    html`<code class="break">${path}</code>`,
    change === 'add' ? html`<span class="quiet">nothing</span>` : value(live),
    change === 'remove' ? html`<span class="quiet">nothing</span>` : value(wanted),
    manager === undefined
      ? none
      : html`${manager} ${writtenAt === undefined ? '' : html`<span class="quiet">${ago(view, writtenAt)}</span>`}`,
    ago(view, firstSeen),
    count === 1 ? 'once' : html`${count} times <span class="quiet">in a row</span>`,
    action === 'configured' ? 'put back' : 'told only',
  ]
}

/** A value as records have it: redacted there already. */
function value(text: string | undefined): Html {
  return text === undefined ? html`<span class="quiet">not shown</span>` : html`<code class="break">${text}</code>`
}

/** The rules as YAML to paste. Texts are JSON, which YAML reads as it is meant. */
function ignoreYaml(owner: string, differences: readonly DriftNote[]): string {
  const rules = ignoreRules(differences)
  if (rules.length === 0) return ''
  const isRelease = owner.startsWith('HelmRelease/')
  const indent = isRelease ? '      ' : '    '
  const lines = rules.flatMap(({ paths: pointers, target = {} }) => [
    `${indent}- paths: [${pointers.map((pointer) => JSON.stringify(pointer)).join(', ')}]`,
    `${indent}  target:`,
    ...Object.entries(target).map(([name, text]) => `${indent}    ${name}: ${JSON.stringify(text)}`),
  ])
  const head = isRelease ? ['spec:', '  driftDetection:', '    ignore:'] : ['spec:', '  ignore:']
  return [...head, ...lines].join('\n')
}

function pager(cluster: string | undefined, page: number, pages: number): Html | '' {
  if (pages === 1) return ''
  const query = cluster === undefined ? {} : { cluster }
  const to = (number: number, text: string): Html =>
    html`<a href="${paths.drift({ ...query, page: String(number) })}">${text}</a>`
  return html`<nav class="pages" aria-label="Pages of drift">
    ${page > 1 ? to(page - 1, 'Previous') : ''} <span class="quiet">Page ${page} of ${pages}</span>
    ${page < pages ? to(page + 1, 'Next') : ''}
  </nav>`
}
