import { AND, CALL, OR, callValue } from '../builtins/special.ts'
import { ANY, VALUE, type GoFunction, type ParamType } from '../function.ts'
import { printNode, type CommandNode, type IdentifierNode, type Node, type OperandNode } from '../nodes.ts'
import { quote } from '../quote.ts'
import type { CallSite, Run } from '../run.ts'
import { isTrue, typeName, type Value } from '../value.ts'
import type { Command, Compiler, Eval } from './compiler.ts'
import { compileLiteral } from './literal.ts'

/** Arguments of a method call: the method is known only when it runs, so each argument is checked against its type then. */
export interface Arguments {
  readonly nodes: readonly OperandNode[]
  readonly fixed: (run: Run, dot: Value, typeOf: (i: number) => ParamType) => Value[]
  readonly count: number
  readonly hasFinal: boolean
}

/** Compiles the arguments of what may turn out to be a method. */
export function compileArguments(nodes: readonly OperandNode[], compiler: Compiler, hasFinal: boolean): Arguments {
  const evals = nodes.map((node) => compileArgument(node, compiler))
  return {
    nodes,
    count: nodes.length,
    hasFinal,
    fixed: (run, dot, typeOf) => evals.map((argument, i) => argument(typeOf(i))(run, dot)),
  }
}

/** A call of `name` with arguments; `node` is where its errors are placed, the command or the bare name. */
export function compileCall(
  name: IdentifierNode,
  node: CommandNode | IdentifierNode,
  args: readonly OperandNode[],
  compiler: Compiler,
  hasFinal: boolean,
): Command {
  const fn = compiler.functions.get(name.name)
  if (fn === undefined) return failing(name, `${quote(name.name)} is not a defined function`)
  const evals = args.map((arg, i) => compileArgument(arg, compiler)(paramAt(fn, i)))
  const wrong = wrongCount(fn, args.length, hasFinal)
  if (wrong !== undefined) return failing(name, wrong)
  const site: CallSite = { node, name: fn.name }
  if (fn === AND || fn === OR) return shortCircuit(evals, fn === OR, hasFinal, name)
  if (fn === CALL) return compileCallBuiltin(evals, args, hasFinal, { name, site })
  const finalType = hasFinal ? paramAt(fn, args.length) : undefined
  return finalType === undefined ? plainCall(fn, evals, site, name) : pipedCall(fn, evals, finalType, site, name)
}

function plainCall(fn: GoFunction, evals: readonly Eval[], site: CallSite, name: Node): Command {
  const { call } = fn
  const [a, b, c] = evals
  if (a === undefined) {
    return (run) => {
      run.node = name
      run.site = site
      return call(run)
    }
  }
  if (b === undefined) {
    return (run, dot) => {
      run.node = name
      const x = a(run, dot)
      run.site = site
      return settle(run, call(run, x))
    }
  }
  if (c === undefined) {
    return (run, dot) => {
      run.node = name
      const x = a(run, dot)
      const y = b(run, dot)
      run.site = site
      return settle(run, call(run, x, y))
    }
  }
  return (run, dot) => {
    run.node = name
    const values = evals.map((evaluate) => evaluate(run, dot))
    run.site = site
    return settle(run, call(run, ...values))
  }
}

function pipedCall(fn: GoFunction, evals: readonly Eval[], type: ParamType, site: CallSite, name: Node): Command {
  const { call } = fn
  const [a, b] = evals
  if (a === undefined) {
    return (run, _dot, final) => {
      run.node = name
      const last = type.accepts(final) ? final : coerce(run, final, type)
      run.site = site
      return settle(run, call(run, last))
    }
  }
  if (b === undefined) {
    return (run, dot, final) => {
      run.node = name
      const x = a(run, dot)
      const last = type.accepts(final) ? final : coerce(run, final, type)
      run.site = site
      return settle(run, call(run, x, last))
    }
  }
  return (run, dot, final) => {
    run.node = name
    const values = evals.map((evaluate) => evaluate(run, dot))
    values.push(type.accepts(final) ? final : coerce(run, final, type))
    run.site = site
    return settle(run, call(run, ...values))
  }
}

/** Accounts for a large result, so that doubling a string again and again meets the memory limit. */
function settle(run: Run, value: Value): Value {
  if (typeof value === 'string') run.charge(value.length)
  return value
}

function failing(node: Node, message: string): Command {
  return (run) => {
    run.node = node
    throw run.fail(message)
  }
}

/** The type of the argument at `i`. Only asked for an argument that the count allows. */
function paramAt(fn: GoFunction, i: number): ParamType {
  return fn.params[i] ?? fn.variadic ?? ANY
}

function wrongCount(fn: GoFunction, args: number, hasFinal: boolean): string | undefined {
  const given = args + (hasFinal ? 1 : 0)
  const wanted = fn.params.length
  if (fn.variadic === undefined) {
    return given === wanted ? undefined : `wrong number of args for ${fn.name}: want ${wanted} got ${given}`
  }
  // Go leaves a piped value out of this count.
  return given < wanted ? `wrong number of args for ${fn.name}: want at least ${wanted} got ${args}` : undefined
}

function shortCircuit(evals: readonly Eval[], stopAt: boolean, hasFinal: boolean, name: Node): Command {
  return (run, dot, final) => {
    run.node = name
    let value: Value
    for (const evaluate of evals) {
      value = evaluate(run, dot)
      if (isTrue(value) === stopAt) return value
    }
    return hasFinal ? final : value
  }
}

function compileCallBuiltin(
  evals: readonly Eval[],
  args: readonly OperandNode[],
  hasFinal: boolean,
  at: { name: Node; site: CallSite },
): Command {
  const callee = args[0] === undefined ? undefined : printNode(args[0])
  return (run, dot, final) => {
    run.node = at.name
    const values = evals.map((evaluate) => evaluate(run, dot))
    if (hasFinal) values.push(final)
    run.site = at.site
    return settle(run, callValue(run, callee ?? reflectText(values[0]), values))
  }
}

/** What reflect.Value's String method gives, by which Go names a callee that came through a pipe. */
function reflectText(value: Value): string {
  if (typeof value === 'string') return value
  return value === undefined || value === null ? '<invalid Value>' : `<${typeName(value)} Value>`
}

/** A method call's parts, as field access has them. */
export interface Invocation {
  readonly args: Arguments
  readonly dot: Value
  readonly final: Value
  readonly node: Node
  readonly receiver: Value
}

/** Calls a method with arguments that were compiled before it was known. */
export function invoke(run: Run, fn: GoFunction, { args, dot, final, node, receiver }: Invocation): Value {
  const wrong = wrongCount(fn, args.count, args.hasFinal)
  if (wrong !== undefined) throw run.fail(wrong)
  const values = args.fixed(run, dot, (i) => paramAt(fn, i))
  if (args.hasFinal) {
    const type = paramAt(fn, args.count)
    values.push(type.accepts(final) ? final : coerce(run, final, type))
  }
  run.site = { node, name: fn.name }
  return settle(run, fn.call(run, receiver, ...values))
}

/** What Go makes of a value that is not of the parameter's type: a nil of the type for a missing value, else an error. */
function coerce(run: Run, value: Value, type: ParamType): Value {
  if (value === undefined) {
    if (type.canBeNil) return type.nilValue
    throw run.fail(`invalid value; expected ${type.name}`)
  }
  const got = value === null ? 'interface {}' : typeName(value)
  throw run.fail(`wrong type for value; expected ${type.name}; got ${got}`)
}

/** Compiles an argument: first for its place, then for the type that its parameter has. */
function compileArgument(node: OperandNode, compiler: Compiler): (type: ParamType) => Eval {
  const evaluate = compiler.operand(node, compiler)
  if (evaluate === undefined) return (type) => compileLiteral(node, type)
  return (type) => {
    if (type === VALUE) return evaluate
    return (run, dot) => {
      const value = evaluate(run, dot)
      return type.accepts(value) ? value : coerce(run, value, type)
    }
  }
}
