import type { HealthStatus } from '../kube/index.ts'
import { html, type Html } from './html.ts'
import { signOf, wordOf } from './state-badge.ts'

/** A node of the drawing. */
export interface GraphNode {
  readonly kind: string
  readonly name: string
  /** A state of ours. */
  readonly state: string
}

/** The columns of the drawing: what the object needs, the object, what it consists of, and what needs it. */
export interface Graph {
  readonly needs: readonly GraphNode[]
  readonly self: GraphNode
  readonly parts: readonly GraphNode[]
  readonly dependants: readonly GraphNode[]
}

/** Sizes in the drawing's own units, which are pixels where there is room. */
const box = { width: 232, height: 42, gap: 10 }
/** What a second line of a name adds to every box of a drawing. */
const lineHeight = 15
const columnGap = 64
const pad = 6
/** Nodes of one column that are drawn; the rest is a number. */
const maxNodes = 16
/** Letters of a line that a box has room for, as wide as they are on average; what is wider ends at the edge of its box. */
const maxLineLength = 27

/** Our word for what the cluster says of an object's health. */
export function stateOfHealth(status: HealthStatus): string {
  return (
    { Current: 'ready', InProgress: 'applying', Failed: 'failed', Terminating: 'deleting', NotFound: 'gone' }[
      status as string
    ] ?? 'unknown'
  )
}

/** What needs a human first comes first. */
const order = [
  'failed',
  'blocked',
  'gone',
  'drifted',
  'waiting',
  'applying',
  'deleting',
  'suspended',
  'unknown',
  'ready',
]

/** The worst of several states. */
export function worstState(states: readonly string[]): string {
  return states.toSorted((a, b) => order.indexOf(a) - order.indexOf(b))[0] ?? 'unknown'
}

/** The application as a drawing, without links: the list beside it says the same, and leads to each. */
export function drawGraph(graph: Graph): Html {
  const columns = [
    fold(graph.needs),
    [graph.self],
    [...fold(foldByKind(graph.parts)), ...fold(graph.dependants).map((node) => ({ ...node, isDependant: true }))],
  ]
  const rows = Math.max(...columns.map((column) => column.length))
  const isTall = columns.flat().some(({ name }) => nameLines(name).length > 1)
  const boxHeight = box.height + (isTall ? lineHeight : 0)
  const height = rows * (boxHeight + box.gap) - box.gap + 2 * pad
  const isLeft = graph.needs.length > 0
  const shown = isLeft ? columns : columns.slice(1)
  const width = shown.length * box.width + (shown.length - 1) * columnGap + 2 * pad
  const selfColumn = isLeft ? 1 : 0
  const placed = shown.map((column, index) =>
    column.map((node: GraphNode & { readonly isDependant?: boolean }, row) => ({
      node,
      x: pad + index * (box.width + columnGap),
      y: pad + (height - 2 * pad - (column.length * (boxHeight + box.gap) - box.gap)) / 2 + row * (boxHeight + box.gap),
      height: boxHeight,
    })),
  )
  const self = placed[selfColumn]?.[0]
  const edges =
    self === undefined
      ? []
      : placed.flatMap((column, index) => column.map((one) => edge(self, one, index - selfColumn)))
  return html`<svg
    class="graph"
    viewBox="0 0 ${width} ${height}"
    width="${width}"
    height="${height}"
    role="img"
    aria-label="${label(graph)}"
  >
    ${edges} ${placed.flat().map((one) => drawNode(one, one.node === graph.self))}
  </svg>`
}

interface Placed {
  readonly node: GraphNode & { readonly isDependant?: boolean }
  readonly x: number
  readonly y: number
  readonly height: number
}

function edge(self: Placed, other: Placed, side: number): Html | '' {
  if (side === 0) return ''
  const [from, to] = side < 0 ? [other, self] : [self, other]
  const [x1, y1] = [from.x + box.width, from.y + from.height / 2]
  const [x2, y2] = [to.x, to.y + to.height / 2]
  const middle = (x1 + x2) / 2
  return html`<path
    class="edge ${other.node.isDependant === true ? 'dashed' : ''}"
    d="M${x1} ${y1}C${middle} ${y1} ${middle} ${y2} ${x2} ${y2}"
  />`
}

function drawNode({ node: { kind, name, state }, x, y, height }: Placed, isSelf: boolean): Html {
  return html`<g class="node s-${state} ${isSelf ? 'self' : ''}">
    <title>${kind} ${name}: ${wordOf(state)}</title>
    <rect x="${x}" y="${y}" width="${box.width}" height="${height}" rx="6" />
    <rect class="side" x="${x}" y="${y}" width="4" height="${height}" rx="2" />
    <svg x="${x + 14}" y="${y}" width="${box.width - 20}" height="${height}">
      <text class="what" y="16">${signOf(state)} ${clipMiddle(kind)}</text>
      ${nameLines(name).map((line, at) => html`<text class="name" y="${33 + at * lineHeight}">${line}</text>`)}
    </svg>
  </g>`
}

/** A name in one line or two, broken behind a sign where there is one. What is longer than two lines loses its middle: names differ at their beginning and at their end. */
export function nameLines(name: string): readonly string[] {
  if (name.length <= maxLineLength) return [name]
  const sign = Math.max(...['-', '.', '/', ':'].map((one) => name.lastIndexOf(one, maxLineLength - 1)))
  const end = sign >= maxLineLength / 2 ? sign + 1 : maxLineLength
  return [name.slice(0, end), clipMiddle(name.slice(end))]
}

function clipMiddle(text: string): string {
  if (text.length <= maxLineLength) return text
  const kept = maxLineLength - 1
  const end = Math.floor(kept / 2)
  return `${text.slice(0, kept - end)}…${text.slice(text.length - end)}`
}

/** Many objects of one kind become one node. */
function foldByKind(nodes: readonly GraphNode[]): readonly GraphNode[] {
  if (nodes.length <= maxNodes) return nodes
  return [...Map.groupBy(nodes, ({ kind }) => kind)].map(([kind, group]) => {
    const [first] = group
    if (first !== undefined && group.length === 1) return first
    const state = worstState(group.map((one) => one.state))
    return { kind, name: `${group.length} objects`, state }
  })
}

function fold(nodes: readonly GraphNode[]): readonly GraphNode[] {
  if (nodes.length <= maxNodes) return nodes
  const rest = nodes.slice(maxNodes - 1)
  const more: GraphNode = { kind: '', name: `and ${rest.length} more`, state: worstState(rest.map((one) => one.state)) }
  return [...nodes.slice(0, maxNodes - 1), more]
}

function label({ self, needs, parts, dependants }: Graph): string {
  return `${self.kind} ${self.name} with what it needs (${needs.length}), what it consists of (${parts.length}) and what needs it (${dependants.length}); the list below says the same`
}
