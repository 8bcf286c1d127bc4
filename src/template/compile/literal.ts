import type { ParamType } from '../function.ts'
import { goInt, type IntKind } from '../int.ts'
import { printNode, type NumberNode, type OperandNode } from '../nodes.ts'
import { GoComplex, type Value } from '../value.ts'
import type { Eval } from './compiler.ts'

/** The value of a number where the context gives no type: its spelling decides. undefined if it is too large for an int. */
export function idealConstant(node: NumberNode): Exclude<Value, null> {
  if (node.complex !== undefined) return new GoComplex(...node.complex)
  const isHexInteger = /^0[xX]./.test(node.text) && !/[pP]/.test(node.text)
  const isCharacter = node.text.startsWith("'")
  if (node.float !== undefined && !isHexInteger && !isCharacter && /[.eEpP]/.test(node.text)) return node.float
  return node.int === undefined ? undefined : goInt(node.int)
}

/** A literal as an argument of the given type; a literal that does not fit fails when it is reached. */
export function compileLiteral(node: OperandNode, type: ParamType): Eval {
  const found = literalValue(node, type)
  if ('value' in found) {
    const { value } = found
    return (run) => {
      run.node = node
      return value
    }
  }
  return (run) => {
    run.node = node
    throw run.fail(found.error)
  }
}

const EXPECTED: Readonly<Record<'bool' | 'string' | 'int' | 'uint' | 'float', string>> = {
  bool: 'bool',
  string: 'string',
  int: 'integer',
  uint: 'unsigned integer',
  float: 'float',
}

function literalValue(node: OperandNode, type: ParamType): { value: Value } | { error: string } {
  if (node.type === 'nil') {
    return type.canBeNil ? { value: type.nilValue } : { error: `cannot assign nil to ${type.name}` }
  }
  if (type.literal === 'none') return { error: `can't handle ${printNode(node)} for arg of type ${type.name}` }
  if (type.literal === 'any') return anyLiteral(node)
  if (node.type === 'bool' && type.literal === 'bool') return { value: node.value }
  if (node.type === 'string' && type.literal === 'string') return { value: node.text }
  if (node.type === 'number') {
    if (type.literal === 'float' && node.float !== undefined) return { value: node.float }
    if (type.literal === 'int' && node.int !== undefined) return { value: goInt(node.int, intKind(type)) }
    if (type.literal === 'uint' && node.uint !== undefined) return { value: goInt(node.uint, intKind(type)) }
  }
  return { error: `expected ${EXPECTED[type.literal]}; found ${printNode(node)}` }
}

/** An integer parameter is named like its kind. */
function intKind(type: ParamType): IntKind {
  return type.name as IntKind
}

function anyLiteral(node: OperandNode): { value: Value } | { error: string } {
  if (node.type === 'bool') return { value: node.value }
  if (node.type === 'string') return { value: node.text }
  if (node.type === 'number') {
    const value = idealConstant(node)
    return value === undefined ? { error: `${node.text} overflows int` } : { value }
  }
  return { error: `can't handle assignment of ${printNode(node)} to empty interface argument` }
}
