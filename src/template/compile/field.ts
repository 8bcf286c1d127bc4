import type { GoFunction } from '../function.ts'
import { GoInt } from '../int.ts'
import { printNode, type ChainNode, type FieldNode, type OperandNode, type VariableNode } from '../nodes.ts'
import { quote } from '../quote.ts'
import type { Run } from '../run.ts'
import { GoObject, TypedList, TypedMap, typeName, type CollectionType, type Value } from '../value.ts'
import { compileArguments, invoke, type Arguments } from './call.ts'
import type { Command, Compiler, Eval } from './compiler.ts'

/** Looks one name up in a value; `outer` is what the value was taken from, which decides how errors name its type. */
type Place = (run: Run, value: Value) => string

/** `.A.B` with what follows it as arguments of a method at its end. */
export function compileField(
  node: FieldNode,
  args: readonly OperandNode[],
  compiler: Compiler,
  hasFinal: boolean,
): Command {
  const place: Place = compiler.scope.dotIsElement ? elementPlace : typePlace
  const access = compileAccess(node, node.idents, place, compileOptionalArguments(args, compiler, hasFinal))
  return (run, dot, final) => {
    run.node = node
    return access(run, dot, dot, final)
  }
}

/** `$x` or `$x.A.B`. */
export function compileVariable(
  node: VariableNode,
  args: readonly OperandNode[],
  compiler: Compiler,
  hasFinal: boolean,
): Command {
  const variable = compiler.scope.lookup(node.idents[0]!)
  if (variable === undefined) {
    return (run) => {
      run.node = node
      throw run.fail(`undefined variable: ${node.idents[0]!}`)
    }
  }
  const { slot } = variable
  if (node.idents.length === 1) {
    if (args.length > 0 || hasFinal) {
      return (run) => {
        run.node = node
        throw run.fail(`can't give argument to non-function ${printNode(node)}`)
      }
    }
    return (run) => {
      run.node = node
      return run.vars[slot]
    }
  }
  const place: Place = variable.isElement ? elementPlace : typePlace
  const optional = compileOptionalArguments(args, compiler, hasFinal)
  const access = compileAccess(node, node.idents.slice(1), place, optional)
  return (run, dot, final) => {
    run.node = node
    return access(run, dot, run.vars[slot], final)
  }
}

/** `(pipeline).A.B`. */
export function compileChain(
  node: ChainNode,
  args: readonly OperandNode[],
  compiler: Compiler,
  hasFinal: boolean,
): Command {
  const base = compileBase(node.node, compiler)
  const access = compileAccess(node, node.fields, typePlace, compileOptionalArguments(args, compiler, hasFinal))
  return (run, dot, final) => {
    run.node = node
    return access(run, dot, base(run, dot), final)
  }
}

function compileBase(node: OperandNode, compiler: Compiler): Eval {
  const base = compiler.operand(node, compiler)
  return (run, dot) => {
    // The parser leaves only pipelines and function names in front of a chain.
    if (base === undefined) throw run.fail(`indirection through explicit nil in ${printNode(node)}`)
    run.node = node
    return base(run, dot)
  }
}

function compileOptionalArguments(
  args: readonly OperandNode[],
  compiler: Compiler,
  hasFinal: boolean,
): Arguments | undefined {
  return args.length > 0 || hasFinal ? compileArguments(args, compiler, hasFinal) : undefined
}

type Access = (run: Run, dot: Value, receiver: Value, final: Value) => Value

function compileAccess(
  node: FieldNode | VariableNode | ChainNode,
  names: readonly string[],
  place: Place,
  args: Arguments | undefined,
): Access {
  const last = names.length - 1
  return (run, dot, receiver, final) => {
    let value = receiver
    for (let i = 0; i <= last; i++) {
      const name = names[i]!
      // The common case first: a key of a map, where no method has the name.
      if (value instanceof Map && (i < last || args === undefined)) {
        const type: CollectionType | undefined = value instanceof TypedMap ? value.type : undefined
        if (type?.methods?.has(name) !== true) {
          const found = value.get(name)
          receiver = value
          value = found === undefined ? missing(run, name, type === undefined ? null : type.zero) : found
          continue
        }
      }
      const outer = value
      const describe = i === 0 ? place : containedPlace(receiver)
      const call = i === last ? args : undefined
      value = member(run, { value, name, describe, args: call, dot, final, node })
      receiver = outer
    }
    return value
  }
}

interface MemberAccess {
  value: Value
  name: string
  describe: Place
  args: Arguments | undefined
  dot: Value
  final: Value
  node: FieldNode | VariableNode | ChainNode
}

/** One field, key or method of any value. */
function member(run: Run, access: MemberAccess): Value {
  const { value, name, args } = access
  if (value === undefined) {
    if (run.missingKey === 'error') throw run.fail(`nil data; no entry for key ${quote(name)}`)
    return undefined
  }
  if (value === null) throw run.fail(`nil pointer evaluating interface {}.${name}`)
  const method = methodOf(value, name)
  if (method !== undefined) return invoke(run, method, { ...access, args: args ?? NO_ARGUMENTS, receiver: value })
  if (value instanceof Map) {
    if (args !== undefined) throw run.fail(`${name} is not a method but has arguments`)
    const found = value.get(name)
    return found === undefined ? missing(run, name, value instanceof TypedMap ? value.type.zero : null) : found
  }
  if (value instanceof GoObject && value.fields.has(name)) {
    if (!isExported(name))
      throw run.fail(`${name} is an unexported field of struct type ${access.describe(run, value)}`)
    if (args !== undefined) throw run.fail(`${name} has arguments but cannot be invoked as function`)
    return value.fields.get(name)
  }
  throw run.fail(`can't evaluate field ${name} in type ${access.describe(run, value)}`)
}

function isExported(name: string): boolean {
  return /^\p{Lu}/u.test(name)
}

const NO_ARGUMENTS: Arguments = { nodes: [], fixed: () => [], count: 0, hasFinal: false }

function methodOf(value: Value, name: string): GoFunction | undefined {
  if (value instanceof GoObject) return value.methods.get(name)
  if (value instanceof TypedMap || value instanceof TypedList) return value.type.methods?.get(name)
  if (value instanceof GoInt) return value.defined?.methods?.get(name) as GoFunction | undefined
  return undefined
}

function missing(run: Run, name: string, zero: Value): Value {
  if (run.missingKey === 'zero') return zero
  if (run.missingKey === 'error') throw run.fail(`map has no entry for key ${quote(name)}`)
  return undefined
}

const typePlace: Place = (_run, value) => typeName(value)
const elementPlace: Place = (run) => run.elementType

/** How Go names the type of something that was taken out of `container`. */
function containedPlace(container: Value): Place {
  if (container instanceof TypedMap) return () => container.type.elem
  return container instanceof Map ? () => 'interface {}' : typePlace
}
