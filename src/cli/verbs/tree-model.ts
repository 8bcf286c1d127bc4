import type { Style } from '../terminal/style.ts'
import { plainText } from '../terminal/terminal.ts'

/** An object and what it made. */
export interface TreeNode {
  readonly apiVersion: string
  readonly kind: string
  readonly namespace: string
  readonly name: string
  /** For objects of ours. */
  readonly ready?: 'True' | 'False' | 'Unknown'
  readonly suspended?: boolean
  /** Why what is below is not shown. */
  readonly note?: string
  readonly children: readonly TreeNode[]
}

/** A tree as flux prints it: `Kind/namespace/name`, with lines. Exported for tests. */
export function treeText(root: TreeNode, style: Style): string {
  const lines = [label(root, style)]
  const visit = (node: TreeNode, indent: string): void => {
    node.children.forEach((child, index) => {
      const isLast = index === node.children.length - 1
      lines.push(`${style.dim(indent + (isLast ? '└── ' : '├── '))}${label(child, style)}`)
      visit(child, indent + (isLast ? '    ' : '│   '))
    })
  }
  visit(root, '')
  return `${lines.join('\n')}\n`
}

function label(node: TreeNode, style: Style): string {
  const name = plainText(nameOfNode(node))
  const state =
    node.suspended === true
      ? style.yellow(' suspended')
      : node.ready === undefined
        ? ''
        : node.ready === 'True'
          ? style.green(' ✔')
          : style.red(' ✗ not ready')
  const note = node.note === undefined ? '' : style.dim(` (${plainText(node.note)})`)
  return (node.ready === undefined ? name : style.bold(name)) + state + note
}

/** `Kind/namespace/name`, or `Kind/name`. */
export function nameOfNode(node: Pick<TreeNode, 'kind' | 'namespace' | 'name'>): string {
  return node.namespace === '' ? `${node.kind}/${node.name}` : `${node.kind}/${node.namespace}/${node.name}`
}

/** Every node of a tree, the root first. */
export function flatten(root: TreeNode): readonly TreeNode[] {
  return [root, ...root.children.flatMap(flatten)]
}

/** A tree with objects of ours alone. */
export function compact(root: TreeNode): TreeNode {
  return {
    ...root,
    children: root.children.filter((child) => /\.toolkit\.fluxcd\.io\//.test(child.apiVersion)).map(compact),
  }
}
