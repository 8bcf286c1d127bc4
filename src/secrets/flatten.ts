import { compareByteOrder } from '../base/index.ts'
import { secretsError } from './errors.ts'
import { SopsBranch, type SopsValue } from './tree.ts'

interface Node {
  value?: SopsValue
  keys?: Map<string, Node>
  items?: Map<number, Node>
}

/** Longest path in a flattened key. Metadata is four levels deep. */
const maxDepth = 32

/**
 * The tree that flat keys of metadata stand for: `age__list_0__map_enc` is `age[0].enc` (sops v3.13, stores/flatten.go). Dotenv and INI
 * files cannot nest.
 *
 * @throws EngineError `sops-bad-file` for keys that contradict each other.
 */
export function unflatten(branch: SopsBranch): SopsBranch {
  const root: Node = {}
  for (const { key, value } of branch.entries) {
    if (typeof key !== 'string') continue
    const parts = key.split(/(__map_|__list_)/)
    if (parts.length > maxDepth * 2) throw contradictory(key)
    let node = child(root, 'keys', parts[0] ?? '')
    for (let i = 1; i < parts.length; i += 2) {
      const name = parts[i + 1] ?? ''
      node = parts[i] === '__map_' ? child(node, 'keys', name) : child(node, 'items', Number.parseInt(name, 10) || 0)
    }
    if (node.value !== undefined) throw contradictory(key)
    node.value = value
  }
  const result = convert(root, '')
  if (!(result instanceof SopsBranch)) throw contradictory('')
  return result
}

function child(node: Node, kind: 'keys', name: string): Node
function child(node: Node, kind: 'items', index: number): Node
function child(node: Node, kind: 'keys' | 'items', at: string | number): Node {
  const map = (node[kind] ??= new Map<never, Node>()) as Map<string | number, Node>
  let next = map.get(at)
  if (next === undefined) {
    next = {}
    map.set(at, next)
  }
  return next
}

function convert(node: Node, path: string): SopsValue {
  const { value, keys, items } = node
  if ([value, keys, items].filter((part) => part !== undefined).length > 1) throw contradictory(path)
  if (value !== undefined) return value
  if (items !== undefined) {
    return Array.from({ length: items.size }, (_, index) => {
      const item = items.get(index)
      if (item === undefined) throw contradictory(path)
      return convert(item, `${path}[${index}]`)
    })
  }
  const sorted = [...(keys ?? [])].sort(([a], [b]) => compareByteOrder(a, b))
  return new SopsBranch(sorted.map(([key, item]) => ({ key, value: convert(item, `${path}.${key}`) })))
}

function contradictory(path: string) {
  return secretsError(
    'sops-bad-file',
    `the SOPS metadata contradicts itself at '${path.replace(/^\./, '')}'; take the file from Git as sops wrote it`,
  )
}
