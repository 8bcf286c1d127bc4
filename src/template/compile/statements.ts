import { LimitError } from '../errors.ts'
import type { FunctionTable } from '../function.ts'
import { formatValue } from '../fmt/index.ts'
import { goInt, GoInt } from '../int.ts'
import type { BranchNode, ListNode, StatementNode, TemplateNode } from '../nodes.ts'
import type { Tree } from '../parser.ts'
import { quote } from '../quote.ts'
import type { Run } from '../run.ts'
import { isTrue, sortedKeys, TypedList, TypedMap, type Value } from '../value.ts'
import type { Compiler, Eval } from './compiler.ts'
import { compileOperand, compilePipe } from './pipeline.ts'
import { Scope, type Variable } from './scope.ts'

/** How a statement ended: 0 went through, 1 broke out of the loop, 2 continues with the loop's next round. */
type Flow = 0 | 1 | 2
type Exec = (run: Run, dot: Value) => Flow

/** Compiles one parsed template. */
export function compileTree(tree: Tree, functions: FunctionTable): { name: string; slots: number; body: Exec } {
  const compiler: Compiler = { functions, scope: new Scope(), operand: compileOperand }
  const body = compileList(tree.root, compiler)
  return { name: tree.name, slots: compiler.scope.slots, body }
}

const nothing: Exec = () => 0

function compileList(list: ListNode, compiler: Compiler): Exec {
  const statements = list.nodes.map((node) => compileStatement(node, compiler))
  const [first, second] = statements
  if (first === undefined) return nothing
  if (second === undefined) {
    return (run, dot) => {
      run.step()
      return first(run, dot)
    }
  }
  const n = statements.length
  return (run, dot) => {
    run.step(n)
    for (let i = 0; i < n; i++) {
      const flow = statements[i]!(run, dot)
      if (flow !== 0) return flow
    }
    return 0
  }
}

function compileStatement(node: StatementNode, compiler: Compiler): Exec {
  switch (node.type) {
    case 'text': {
      const { text } = node
      return (run) => {
        run.write(text)
        return 0
      }
    }
    case 'action': {
      const pipe = compilePipe(node.pipe, compiler)
      if (node.pipe.decl.length > 0) {
        return (run, dot) => {
          pipe(run, dot)
          return 0
        }
      }
      return (run, dot) => {
        run.print(pipe(run, dot), node)
        return 0
      }
    }
    case 'if':
    case 'with':
      return compileBranch(node, compiler)
    case 'range':
      return compileRange(node, compiler)
    case 'template':
      return compileTemplateCall(node, compiler)
    case 'break':
      return () => 1
    case 'continue':
      return () => 2
  }
}

function compileBranch(node: BranchNode, compiler: Compiler): Exec {
  const { scope } = compiler
  return scope.block(() => {
    const pipe = compilePipe(node.pipe, compiler)
    const isWith = node.type === 'with'
    const list = scope.block(() => {
      if (isWith) scope.dotIsElement = false
      return compileList(node.list, compiler)
    })
    const otherwise = node.elseList === undefined ? nothing : scope.block(() => compileList(node.elseList!, compiler))
    return (run, dot) => {
      const value = pipe(run, dot)
      return isTrue(value) ? list(run, isWith ? value : dot) : otherwise(run, dot)
    }
  })
}

/** Runs a loop's body for one element; false after a `break`. */
type Round = (run: Run, index: Value, element: Value) => boolean

function compileRange(node: BranchNode, compiler: Compiler): Exec {
  const { scope } = compiler
  return scope.block(() => {
    const { decl, isAssign } = node.pipe
    const pipe = compilePipe(node.pipe, compiler, true)
    const [first, second] = decl.map((name) => scope.lookup(name)) as [Variable?, Variable?]
    const list = scope.block(() => {
      scope.dotIsElement = true
      return compileList(node.list, compiler)
    })
    const otherwise = node.elseList === undefined ? nothing : scope.block(() => compileList(node.elseList!, compiler))
    const indexSlot = decl.length > 1 ? first?.slot : undefined
    const elementSlot = decl.length > 1 ? second?.slot : first?.slot
    const missing = isAssign ? decl.find((name) => scope.lookup(name) === undefined) : undefined
    const round: Round = (run, index, element) => {
      if (missing !== undefined) throw run.fail(`undefined variable: ${missing}`)
      if (elementSlot !== undefined) run.vars[elementSlot] = element
      if (indexSlot !== undefined) run.vars[indexSlot] = index
      run.step()
      return list(run, element) !== 1
    }
    const loop = rangeLoop(round, decl.length)
    return (run, dot) => {
      run.node = node
      const value = pipe(run, dot)
      return loop(run, value) ? 0 : otherwise(run, dot)
    }
  })
}

/** Loops over a value; false if there was nothing to loop over, so that `else` runs. */
function rangeLoop(round: Round, variables: number): (run: Run, value: Value) => boolean {
  return (run, value) => {
    if (value === undefined || value === null) return false
    const outer = run.elementType
    if (Array.isArray(value)) {
      run.elementType = value instanceof TypedList ? value.type.elem : 'interface {}'
      for (let i = 0; i < value.length; i++) {
        if (!round(run, variables > 1 ? goInt(i) : undefined, value[i])) break
      }
      run.elementType = outer
      return value.length > 0
    }
    if (value instanceof Map) {
      run.elementType = value instanceof TypedMap ? value.type.elem : 'interface {}'
      // Keys that the body removes were collected before, with their values, as in Go.
      const entries = sortedKeys(value).map((key) => [key, value.get(key)] as const)
      for (const [key, element] of entries) if (!round(run, key, element)) break
      run.elementType = outer
      return entries.length > 0
    }
    if (value instanceof GoInt) return rangeInteger(run, value, round, variables)
    if (value instanceof Uint8Array) {
      for (let i = 0; i < value.length; i++) if (!round(run, goInt(i), goInt(value[i]!, 'uint8'))) break
      return value.length > 0
    }
    throw run.fail(`range can't iterate over ${formatValue(value, run)}`)
  }
}

function rangeInteger(run: Run, value: GoInt, round: Round, variables: number): boolean {
  if (variables > 1) {
    throw run.fail(`can't use ${value.toString()} to iterate over more than one variable`)
  }
  const end = value.toNumber()
  if (end > Number.MAX_SAFE_INTEGER) throw new LimitError('steps', `range over ${value.toString()} has too many rounds`)
  const outer = run.elementType
  run.elementType = value.typeName
  for (let i = 0; i < end; i++) if (!round(run, undefined, goInt(i, value.kind, value.defined))) break
  run.elementType = outer
  return end > 0
}

function compileTemplateCall(node: TemplateNode, compiler: Compiler): Exec {
  const pipe: Eval = node.pipe === undefined ? () => undefined : compilePipe(node.pipe, compiler)
  return (run, dot) => {
    run.node = node
    const compiled = run.set.get(node.name)
    if (compiled === undefined) throw run.fail(`template ${quote(node.name)} not defined`)
    if (run.depth >= run.limits.maxDepth) {
      throw run.fail(`exceeded maximum template depth (${run.limits.maxDepth})`)
    }
    const value = pipe(run, dot)
    const { vars, template, elementType } = run
    // No try/finally: nothing resumes at this level after an error.
    run.enter(compiled, value)
    run.vars = vars
    run.template = template
    run.elementType = elementType
    return 0
  }
}
