import { diffLines } from '../base/index.ts'
import { html, paths, plural, revision, type Html, type ManifestOf, type View } from './html.ts'
import { dataTable, facts, layout } from './layout.ts'

/** What there is of a plan's manifests. */
export interface ManifestsView {
  readonly plan: string
  /** `owner/name#7`. */
  readonly label: string
  readonly base: string
  readonly head: string
  readonly clusters: readonly {
    readonly cluster: string
    readonly state: 'stored' | 'missing' | 'forged'
    readonly applications: readonly (Omit<ManifestOf, 'cluster'> & {
      readonly base?: ManifestSideView
      readonly head?: ManifestSideView
    })[]
    readonly omitted: readonly string[]
    readonly omittedCount: number
  }[]
}

/** One side of an application. */
export interface ManifestSideView {
  readonly state: 'rendered' | 'failed'
  readonly objects?: number
  readonly bytes?: number
  readonly omitted?: readonly string[]
  readonly omittedCount?: number
}

/** One object's file; a side that does not have it has no text. */
export interface ShownManifestFile {
  readonly name: string
  readonly base?: string
  readonly head?: string
}

/** One application with the files of both commits. */
export interface ManifestChangeView {
  readonly plan: string
  readonly label: string
  readonly of: ManifestOf
  readonly base?: ManifestSideView
  readonly head?: ManifestSideView
  readonly files: readonly ShownManifestFile[]
}

/** Applications of one cluster that are listed. */
const maxApplications = 1_000
/** Files of an application that are shown, and lines of one and of all. */
const maxFiles = 500
const maxLines = 2_000
const maxAllLines = 20_000

/** Which applications a plan has manifests of, with downloads. */
export function manifestsPage(view: View, manifests: ManifestsView): Html {
  const { plan, label, base, head, clusters } = manifests
  return layout(view, {
    title: `Manifests of ${label}`,
    at: 'plans',
    content: html`
      ${crumbs(plan, label)}
      <h1>Rendered manifests</h1>
      <p class="quiet">
        What both commits render for the applications that the change touches. Secrets and what may be one are hidden;
        the digits behind “hidden” differ where the value does.
      </p>
      ${facts([
        ['Base', revision(base)],
        ['Head', revision(head)],
      ])}
      <p class="headline"><a href="${paths.planManifestArchive(plan)}">Everything as .tar.gz</a></p>
      ${clusters.map((one) => clusterPart(plan, one))}
    `,
  })
}

function crumbs(plan: string, label: string): Html {
  return html`<p class="crumbs"><a href="${paths.plans()}">Plans</a> / <a href="${paths.plan(plan)}">${label}</a></p>`
}

function clusterPart(
  plan: string,
  { cluster, state, applications, omitted, omittedCount }: ManifestsView['clusters'][number],
): Html {
  const head = html`<h2>${cluster}</h2>`
  if (state === 'missing')
    return html`${head}
      <p class="quiet">They are not there yet, or not any more.</p>`
  if (state === 'forged')
    return html`${head}
      <ul class="notes">
        <li class="note bad">What is stored is not what was stored, and is not shown. Plan it again.</li>
      </ul>`
  if (applications.length === 0 && omittedCount === 0)
    return html`${head}
      <p class="quiet">The change touches no application here.</p>`
  return html`${head}
  ${dataTable(
    `Applications of ${cluster}`,
    [{ name: 'Application' }, { name: 'Base' }, { name: 'Head' }],
    applications.slice(0, maxApplications).map((one) => {
      const of = { cluster, kind: one.kind, namespace: one.namespace, name: one.name }
      return [
        html`<a class="break" href="${paths.planManifest(plan, of)}"
          ><span class="kind">${one.kind}</span> ${one.namespace}/<wbr />${one.name}</a
        >`,
        sideCell(plan, of, 'base', one.base),
        sideCell(plan, of, 'head', one.head),
      ]
    }),
  )}
  ${applications.length > maxApplications ? html`<p class="quiet">and ${applications.length - maxApplications} more</p>` : ''}
  ${leftOut('Applications', omitted, omittedCount)}`
}

function sideCell(plan: string, of: ManifestOf, side: 'base' | 'head', shown: ManifestSideView | undefined): Html {
  if (shown === undefined) return html`<span class="quiet">not there</span>`
  if (shown.state === 'failed') return html`<span class="quiet">does not render</span>`
  return html`<a href="${paths.planManifestFile(plan, of, side)}">YAML</a>
    <span class="quiet">${plural(shown.objects ?? 0, 'object')}, ${shown.bytes ?? 0} bytes</span>`
}

function leftOut(what: string, omitted: readonly string[], count: number): Html | '' {
  if (count === 0) return ''
  const more = count > omitted.length ? `, and ${count - omitted.length} more` : ''
  return html`<p class="note">${what} left out, for which there was no room: ${omitted.join(', ')}${more}</p>`
}

/** One application: every object's YAML, as the difference of both commits. */
export function manifestPage(view: View, change: ManifestChangeView): Html {
  const { plan, label, of, base, head, files } = change
  const changed = files.filter((file) => file.base !== file.head)
  const same = files.filter((file) => file.base === file.head)
  let room = maxAllLines
  const parts = changed.slice(0, maxFiles).map((file) => {
    const part = filePart(file, Math.min(maxLines, room))
    room -= part.lines
    return part.content
  })
  return layout(view, {
    title: `${of.kind} ${of.namespace}/${of.name} of ${label}`,
    at: 'plans',
    content: html`
      ${crumbs(plan, label)}
      <p class="crumbs"><a href="${paths.planManifests(plan)}">Rendered manifests</a> / ${of.cluster}</p>
      <h1><span class="kind">${of.kind}</span> ${of.namespace}/<wbr />${of.name}</h1>
      ${facts([
        ['Base', sideCell(plan, of, 'base', base)],
        ['Head', sideCell(plan, of, 'head', head)],
      ])}
      ${leftOut('Objects of base', base?.omitted ?? [], base?.omittedCount ?? 0)}
      ${leftOut('Objects of head', head?.omitted ?? [], head?.omittedCount ?? 0)}
      <h2>Changes</h2>
      ${changed.length === 0 ? html`<p class="quiet">Both commits render the same.</p>` : parts}
      ${changed.length > maxFiles ? html`<p class="quiet">and ${changed.length - maxFiles} more objects</p>` : ''}
      ${
        same.length === 0
          ? ''
          : html`<details>
              <summary>${plural(same.length, 'object')} without a change</summary>
              <ul>
                ${same.slice(0, maxFiles).map(({ name }) => html`<li><code class="break">${name}</code></li>`)}
              </ul>
            </details>`
      }
    `,
  })
}

function filePart(
  { name, base, head }: ShownManifestFile,
  max: number,
): { readonly content: Html; readonly lines: number } {
  const word = base === undefined ? 'added' : head === undefined ? 'removed' : 'changed'
  const lines = diffLines(textOf(base), textOf(head), { hasBefore: base !== undefined, hasAfter: head !== undefined })
  const shown = lines.slice(0, max)
  const content = html`<details class="plan" open>
    <summary><code class="break">${name}</code> <span class="quiet">${word}</span></summary>
    <div class="scroll" role="region" aria-label="Difference of ${name}" tabindex="0">
      <pre class="diff">
${shown.map(({ sign, text }) => html`<span class="${lineClass(sign)}">${sign} ${text}</span>${'\n'}`)}${
          lines.length > shown.length ? `… and ${lines.length - shown.length} more lines\n` : ''
        }</pre>
    </div>
  </details>`
  return { content, lines: shown.length }
}

function textOf(text: string | undefined): string {
  return text?.trimEnd() ?? ''
}

function lineClass(sign: string): string {
  return sign === '+' ? 'added' : sign === '-' ? 'removed' : 'same'
}
