import { printNode, type CommandNode, type NumberNode, type OperandNode, type PipeNode } from '../nodes.ts'
import type { Value } from '../value.ts'
import { compileCall } from './call.ts'
import type { Command, Compiler, Eval } from './compiler.ts'
import { compileChain, compileField, compileVariable } from './field.ts'
import { idealConstant } from './literal.ts'

/**
 * Compiles a pipeline. A nil result is `undefined` afterwards: Go unwraps the interface it came in. With `isRange` the
 * declared variables are loop variables.
 */
export function compilePipe(pipe: PipeNode, compiler: Compiler, isRange = false): Eval {
  const commands = pipe.cmds.map((cmd, i) => compileCommand(cmd, compiler, i > 0))
  const [first, second] = commands
  const value: Eval =
    second === undefined
      ? (run, dot) => {
          run.node = pipe
          return first!(run, dot, undefined) ?? undefined
        }
      : (run, dot) => {
          run.node = pipe
          let result: Value
          for (const command of commands) result = command(run, dot, result) ?? undefined
          return result
        }
  return pipe.decl.length === 0 ? value : compileDeclarations(pipe, compiler, value, isRange)
}

function compileDeclarations(pipe: PipeNode, { scope }: Compiler, value: Eval, isRange: boolean): Eval {
  if (pipe.isAssign) {
    const missing = pipe.decl.find((name) => scope.lookup(name) === undefined)
    if (missing !== undefined) {
      return (run, dot) => {
        value(run, dot)
        throw run.fail(`undefined variable: ${missing}`)
      }
    }
  }
  const slots = pipe.decl.map((name) => (pipe.isAssign ? scope.lookup(name)! : scope.declare(name, isRange)).slot)
  const [slot] = slots
  if (slots.length === 1) return (run, dot) => (run.vars[slot!] = value(run, dot))
  return (run, dot) => {
    const result = value(run, dot)
    for (const each of slots) run.vars[each] = result
    return result
  }
}

function compileCommand(cmd: CommandNode, compiler: Compiler, hasFinal: boolean): Command {
  const first = cmd.args[0]!
  const rest = cmd.args.slice(1)
  switch (first.type) {
    case 'field':
      return compileField(first, rest, compiler, hasFinal)
    case 'chain':
      return compileChain(first, rest, compiler, hasFinal)
    case 'variable':
      return compileVariable(first, rest, compiler, hasFinal)
    case 'identifier':
      return compileCall(first, cmd, rest, compiler, hasFinal)
    default:
  }
  if (rest.length > 0 || hasFinal) {
    const isPipe = first.type === 'pipe'
    const message = `can't give argument to non-function ${printNode(first)}`
    return (run) => {
      if (!isPipe) run.node = first
      throw run.fail(message)
    }
  }
  return compileTerm(first, compiler)
}

/** A parenthesised pipeline, dot or a literal where the context asks for no type. */
export function compileTerm(node: OperandNode, compiler: Compiler): Eval {
  switch (node.type) {
    case 'pipe':
      return compilePipe(node, compiler)
    case 'bool': {
      const { value } = node
      return (run) => {
        run.node = node
        return value
      }
    }
    case 'string': {
      const { text } = node
      return (run) => {
        run.node = node
        return text
      }
    }
    case 'dot':
      return (run, dot) => {
        run.node = node
        return dot
      }
    case 'number':
      return compileNumber(node)
    default:
      return (run) => {
        run.node = node
        throw run.fail(node.type === 'nil' ? 'nil is not a command' : `can't evaluate command ${printNode(node)}`)
      }
  }
}

function compileNumber(node: NumberNode): Eval {
  const value = idealConstant(node)
  return (run) => {
    run.node = node
    if (value !== undefined) return value
    throw run.fail(`${node.text} overflows int`)
  }
}

/** An operand that is computed; undefined for a literal, whose value depends on the parameter's type. */
export function compileOperand(node: OperandNode, compiler: Compiler): Eval | undefined {
  switch (node.type) {
    case 'dot':
      return (run, dot) => {
        run.node = node
        return dot
      }
    case 'field':
      return withoutFinal(compileField(node, [], compiler, false))
    case 'variable':
      return withoutFinal(compileVariable(node, [], compiler, false))
    case 'chain':
      return withoutFinal(compileChain(node, [], compiler, false))
    case 'identifier':
      return withoutFinal(compileCall(node, node, [], compiler, false))
    case 'pipe':
      return compilePipe(node, compiler)
    default:
      return undefined
  }
}

// Nothing was piped in, so the command never looks at its third argument.
function withoutFinal(command: Command): Eval {
  return command as Eval
}
