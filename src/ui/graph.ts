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
const box = { width: 214, height: 42, gap: 10 }
const columnGap = 64
const pad = 6
/** Nodes of one column that are drawn; the rest is a number. */
const maxNodes = 16
const maxNameLength = 27

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
  const height = rows * (box.height + box.gap) - box.gap + 2 * pad
  const isLeft = graph.needs.length > 0
  const shown = isLeft ? columns : columns.slice(1)
  const width = shown.length * box.width + (shown.length - 1) * columnGap + 2 * pad
  const selfColumn = isLeft ? 1 : 0
  const placed = shown.map((column, index) =>
    column.map((node: GraphNode & { readonly isDependant?: boolean }, row) => ({
      node,
      x: pad + index * (box.width + columnGap),
      y:
        pad +
        (height - 2 * pad - (column.length * (box.height + box.gap) - box.gap)) / 2 +
        row * (box.height + box.gap),
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
    ${edges} ${placed.flat().map(({ node, x, y }) => drawNode(node, x, y, node === graph.self))}
  </svg>`
}

interface Placed {
  readonly node: GraphNode & { readonly isDependant?: boolean }
  readonly x: number
  readonly y: number
}

function edge(self: Placed, other: Placed, side: number): Html | '' {
  if (side === 0) return ''
  const [from, to] = side < 0 ? [other, self] : [self, other]
  const [x1, y1] = [from.x + box.width, from.y + box.height / 2]
  const [x2, y2] = [to.x, to.y + box.height / 2]
  const middle = (x1 + x2) / 2
  return html`<path
    class="edge ${other.node.isDependant === true ? 'dashed' : ''}"
    d="M${x1} ${y1}C${middle} ${y1} ${middle} ${y2} ${x2} ${y2}"
  />`
}

function drawNode({ kind, name, state }: GraphNode, x: number, y: number, isSelf: boolean): Html {
  const short = name.length <= maxNameLength ? name : `${name.slice(0, maxNameLength - 1)}…`
  return html`<g class="node s-${state} ${isSelf ? 'self' : ''}">
    <title>${kind} ${name}: ${wordOf(state)}</title>
    <rect x="${x}" y="${y}" width="${box.width}" height="${box.height}" rx="6" />
    <rect class="side" x="${x}" y="${y}" width="4" height="${box.height}" rx="2" />
    <text class="what" x="${x + 14}" y="${y + 16}">${signOf(state)} ${kind}</text>
    <text class="name" x="${x + 14}" y="${y + 33}">${short}</text>
  </g>`
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
