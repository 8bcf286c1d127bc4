import type { ASTNode } from '@marcbachmann/cel-js'

/** Name under which the environment offers `matches` with RE2. */
export const safeMatches = 'matchesRe2'

const comprehensions = new Set([
  'all',
  'exists',
  'exists_one',
  'existsOne',
  'filter',
  'map',
  'transformList',
  'transformMap',
])

/**
 * The expression with every `text.matches(pattern)` calling {@link safeMatches}: the library's own uses the language's regular expressions, whose
 * time is not bounded. Positions behind such a call move by the difference in length.
 */
export function withSafeMatches(expression: string, ast: ASTNode): string {
  const places: number[] = []
  visit(ast, (node) => {
    if (node.op !== 'rcall' || node.args[0] !== 'matches') return
    const [, receiver, args] = node.args
    const at = expression.lastIndexOf('matches', args[0]?.range.start ?? expression.length)
    if (at >= receiver.range.end - 1) places.push(at)
  })
  return places
    .toSorted((a, b) => b - a)
    .reduce((text, at) => text.slice(0, at) + safeMatches + text.slice(at + 'matches'.length), expression)
}

/** The largest number of comprehensions inside each other. */
export function comprehensionDepth(node: ASTNode): number {
  const inner = Math.max(0, ...childrenOf(node).map(comprehensionDepth))
  return node.op === 'rcall' && comprehensions.has(node.args[0]) && node.args[2].length > 1 ? inner + 1 : inner
}

function visit(node: ASTNode, see: (node: ASTNode) => void): void {
  see(node)
  for (const child of childrenOf(node)) visit(child, see)
}

/** Nodes are found wherever the operands hold them, whatever the operator. */
function childrenOf(node: ASTNode): ASTNode[] {
  const found: ASTNode[] = []
  const look = (value: unknown): void => {
    if (Array.isArray(value)) for (const item of value) look(item)
    else if (typeof value === 'object' && value !== null && 'op' in value && 'args' in value)
      found.push(value as ASTNode)
  }
  look(node.args)
  return found
}
