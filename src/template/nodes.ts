import { quote } from './quote.ts'
import type { Source } from './errors.ts'

/** Where a node came from: its text and the offset of its first token in JS units. */
interface Placed {
  readonly source: Source
  readonly pos: number
}

export interface TextNode extends Placed {
  readonly type: 'text'
  readonly text: string
}

export interface ListNode extends Placed {
  readonly type: 'list'
  readonly nodes: readonly StatementNode[]
}

export interface ActionNode extends Placed {
  readonly type: 'action'
  readonly pipe: PipeNode
}

/** `if`, `with` or `range`. */
export interface BranchNode extends Placed {
  readonly type: 'if' | 'with' | 'range'
  readonly pipe: PipeNode
  readonly list: ListNode
  readonly elseList: ListNode | undefined
}

export interface TemplateNode extends Placed {
  readonly type: 'template'
  readonly name: string
  readonly pipe: PipeNode | undefined
}

export interface JumpNode extends Placed {
  readonly type: 'break' | 'continue'
}

export interface PipeNode extends Placed {
  readonly type: 'pipe'
  /** The variables that are set, with their `$`. */
  readonly decl: readonly string[]
  /** The variables are assigned with `=`, not declared with `:=`. */
  readonly isAssign: boolean
  readonly cmds: readonly CommandNode[]
}

export interface CommandNode extends Placed {
  readonly type: 'command'
  readonly args: readonly OperandNode[]
}

export interface FieldNode extends Placed {
  readonly type: 'field'
  readonly idents: readonly string[]
}

export interface VariableNode extends Placed {
  readonly type: 'variable'
  /** The name with its `$`, then fields. */
  readonly idents: readonly string[]
}

export interface ChainNode extends Placed {
  readonly type: 'chain'
  readonly node: OperandNode
  readonly fields: readonly string[]
}

export interface IdentifierNode extends Placed {
  readonly type: 'identifier'
  readonly name: string
}

export interface BoolNode extends Placed {
  readonly type: 'bool'
  readonly value: boolean
}

export interface StringNode extends Placed {
  readonly type: 'string'
  readonly quoted: string
  readonly text: string
}

/** A number with every kind that can hold it exactly, as Go's ideal constants. */
export interface NumberNode extends Placed {
  readonly type: 'number'
  readonly text: string
  readonly int: bigint | undefined
  readonly uint: bigint | undefined
  readonly float: number | undefined
  /** [real, imaginary]. */
  readonly complex: readonly [number, number] | undefined
}

export interface DotNode extends Placed {
  readonly type: 'dot'
}

export interface NilNode extends Placed {
  readonly type: 'nil'
}

export type StatementNode = TextNode | ActionNode | BranchNode | TemplateNode | JumpNode
export type OperandNode =
  | FieldNode
  | VariableNode
  | ChainNode
  | IdentifierNode
  | PipeNode
  | BoolNode
  | StringNode
  | NumberNode
  | DotNode
  | NilNode
export type Node = StatementNode | OperandNode | CommandNode | ListNode

/** A node as Go prints it in errors: its source in a normal form. */
export function printNode(node: Node): string {
  switch (node.type) {
    case 'text':
      return node.text
    case 'list':
      return node.nodes.map(printNode).join('')
    case 'action':
      return `{{${printNode(node.pipe)}}}`
    case 'if':
    case 'with':
    case 'range': {
      const otherwise = node.elseList === undefined ? '' : `{{else}}${printNode(node.elseList)}`
      return `{{${node.type} ${printNode(node.pipe)}}}${printNode(node.list)}${otherwise}{{end}}`
    }
    case 'template':
      return `{{template ${quote(node.name)}${node.pipe === undefined ? '' : ` ${printNode(node.pipe)}`}}}`
    case 'break':
    case 'continue':
      return `{{${node.type}}}`
    case 'pipe': {
      const decl = node.decl.length === 0 ? '' : `${node.decl.join(', ')} ${node.isAssign ? '=' : ':='} `
      return decl + node.cmds.map(printNode).join(' | ')
    }
    case 'command':
      return node.args.map(printOperand).join(' ')
    default:
      return printLeaf(node)
  }
}

function printLeaf(node: Exclude<OperandNode, PipeNode>): string {
  switch (node.type) {
    case 'field':
      return `.${node.idents.join('.')}`
    case 'variable':
      return node.idents.join('.')
    case 'chain':
      return `${printOperand(node.node)}.${node.fields.join('.')}`
    case 'identifier':
      return node.name
    case 'bool':
      return String(node.value)
    case 'string':
      return node.quoted
    case 'number':
      return node.text
    case 'dot':
      return '.'
    case 'nil':
      return 'nil'
  }
}

function printOperand(node: OperandNode): string {
  return node.type === 'pipe' ? `(${printNode(node)})` : printNode(node)
}

/** True if a body holds nothing but white space: such a definition never replaces an earlier one. */
export function isEmptyBody(list: ListNode): boolean {
  return list.nodes.every((node) => node.type === 'text' && /^[\s\u0085]*$/.test(node.text.replaceAll('\ufeff', 'x')))
}
