import {
  idOfSummary,
  type LiveApplication,
  type LiveNode,
  type ObservedObject,
  type Relations,
  type Relative,
} from '../observe/index.ts'
import { drawGraph, stateOfHealth, worstState, type Graph, type GraphNode } from './graph.ts'
import { ago, html, objectLink, paths, plural, type Html, type View } from './html.ts'
import { scrolling } from './layout.ts'
import { badge, wordOf } from './state-badge.ts'

/** What the cluster itself says, or why it could not be asked. */
export type Look = LiveApplication | { readonly error: { readonly code: string; readonly message: string } }

/** Objects of one kind that are listed. */
const maxListed = 100

/** The state of an object of ours beside another one, in words. */
function stateOf({ state }: Relative): string {
  return state ?? 'gone'
}

/** The objects of an application: a drawing, and the same as a list whose entries lead to each. */
export function applicationGraph(
  view: View,
  object: ObservedObject,
  relations: Relations,
  look: Look | undefined,
): Html {
  const { cluster, summary } = object
  const live = look === undefined || 'error' in look ? undefined : look
  return html`<h2 id="objects">Objects</h2>
    ${lookText(view, object, look)} ${scrolling('Drawing of the objects', drawGraph(graphOf(object, relations, live)))}
    <ul class="tree">
      ${relations.source === undefined ? '' : html`<li>Made from ${relative(cluster, relations.source)}</li>`}
      ${group('Depends on', cluster, relations.dependsOn)}
      ${live === undefined ? group('Has applied', cluster, relations.children) : consistsOf(cluster, relations, live)}
      ${group(isSource(summary) ? 'Is the source of' : 'Is needed by', cluster, relations.dependants)}
    </ul>`
}

function isSource({ chart, url }: ObservedObject['summary']): boolean {
  return chart === undefined && url !== undefined
}

function lookText(view: View, { cluster, summary }: ObservedObject, look: Look | undefined): Html {
  const href = `${paths.object(cluster, idOfSummary(summary))}?live=true#objects`
  if (look === undefined) {
    const known = summary.inventory === undefined ? '' : `${plural(summary.inventory, 'object')} at the last run. `
    return html`<p>
      ${known}<a class="button" href="${href}">Look into the cluster</a>
      <span class="quiet"
        >for the health of each, ${summary.kind === 'HelmRelease' ? 'its releases ' : ''}and events</span
      >
    </p>`
  }
  if ('error' in look)
    return html`<p class="note bad">
      ${look.error.message} (${look.error.code}). What is shown is what was known before.
      <a href="${href}">Try again</a>
    </p>`
  const { nodes, omitted, isElsewhere, gaps } = look
  return html`<p class="quiet">
      ${plural(nodes.length + omitted, 'object')}, read ${ago(view, look.readAt)} from the cluster.
      <a href="${href}">Look again</a>
    </p>
    ${isElsewhere ? html`<p class="note">Its objects are in another cluster, which was not asked.</p>` : ''}
    ${gaps.length === 0 ? '' : html`<p class="note warn">Not everything could be read: ${[...new Set(gaps)].slice(0, 5).join('; ')}.</p>`}
    ${omitted === 0 ? '' : html`<p class="note">The first ${nodes.length} are shown.</p>`}`
}

function graphOf({ summary, state }: ObservedObject, relations: Relations, live: LiveApplication | undefined): Graph {
  const named = (one: Relative): GraphNode => {
    const [kind = '', , ...name] = one.id.split('/')
    return { kind, name: name.join('/'), state: stateOf(one) }
  }
  const childOf = new Map(relations.children.map((child) => [child.id, child]))
  const parts =
    live === undefined
      ? relations.children.map(named)
      : live.nodes.map((node) => ({ kind: node.kind, name: node.name, state: nodeState(node, childOf) }))
  return {
    needs: [...(relations.source === undefined ? [] : [relations.source]), ...relations.dependsOn].map(named),
    self: { kind: summary.kind, name: summary.name, state },
    parts,
    dependants: relations.dependants.map(named),
  }
}

/** The state of an applied object: of one of ours what runs know, of others what the cluster says. */
function nodeState(node: LiveNode, childOf: ReadonlyMap<string, Relative>): string {
  return childOf.get(`${node.kind}/${node.namespace}/${node.name}`)?.state ?? stateOfHealth(node.status)
}

function group(title: string, cluster: string, list: readonly Relative[]): Html | '' {
  if (list.length === 0) return ''
  return html`<li>
    ${title}
    <ul>
      ${list.slice(0, maxListed).map((one) => html`<li>${relative(cluster, one)}</li>`)}
      ${list.length > maxListed ? html`<li class="quiet">and ${list.length - maxListed} more</li>` : ''}
    </ul>
  </li>`
}

function relative(cluster: string, one: Relative): Html {
  return html`${objectLink(cluster, one.id)}
  ${badge(stateOf(one), one.state === undefined ? 'Not there' : wordOf(one.state))}`
}

/** What an application consists of, by kind; kinds with a problem are unfolded. */
function consistsOf(cluster: string, relations: Relations, live: LiveApplication): Html {
  if (live.nodes.length === 0) return html`<li>Consists of nothing</li>`
  const childOf = new Map(relations.children.map((child) => [child.id, child]))
  const kinds = [...Map.groupBy(live.nodes, ({ kind }) => kind)]
  const isSmall = live.nodes.length <= 30
  return html`<li>
    Consists of
    <ul>
      ${kinds.map(([kind, nodes]) => {
        const states = nodes.map((node) => nodeState(node, childOf))
        const worst = worstState(states)
        const bad = states.filter((state) => state !== 'ready').length
        return html`<li>
          <details ${isSmall || worst !== 'ready' ? html`open` : ''}>
            <summary>
              ${nodes.length === 1 ? kind : `${nodes.length} × ${kind}`}
              ${bad === 0 ? badge('ready', 'healthy') : badge(worst, `${bad} not healthy`)}
            </summary>
            <ul>
              ${nodes.slice(0, maxListed).map((node) => html`<li>${leaf(cluster, node, childOf)}</li>`)}
              ${nodes.length > maxListed ? html`<li class="quiet">and ${nodes.length - maxListed} more</li>` : ''}
            </ul>
          </details>
        </li>`
      })}
    </ul>
  </li>`
}

const healthWords: { readonly [status: string]: string } = {
  Current: 'Healthy',
  InProgress: 'In progress',
  Failed: 'Failed',
  Terminating: 'Being deleted',
  NotFound: 'Missing',
  Unknown: 'Not known',
}

function leaf(cluster: string, node: LiveNode, childOf: ReadonlyMap<string, Relative>): Html {
  const id = `${node.kind}/${node.namespace}/${node.name}`
  const child = childOf.get(id)
  if (child !== undefined) return relative(cluster, child)
  const state = stateOfHealth(node.status)
  const why = node.status === 'Current' || node.message === '' ? '' : html` <span class="why">${node.message}</span>`
  return html`<span class="break"
      >${node.namespace === '' ? '' : html`<span class="quiet">${node.namespace}/</span><wbr />`}<b
        >${node.name}</b
      ></span
    >
    ${badge(state, healthWords[node.status] ?? node.status)}${why}`
}
