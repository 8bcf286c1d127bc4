import type { FunctionTable } from '../function.ts'
import type { OperandNode } from '../nodes.ts'
import type { Run } from '../run.ts'
import type { Value } from '../value.ts'
import type { Scope } from './scope.ts'

/** Computes a value with dot. */
export type Eval = (run: Run, dot: Value) => Value
/** Computes a command's value; `final` is what was piped in, if anything was. */
export type Command = (run: Run, dot: Value, final: Value) => Value

/** Everything the compiling of one template shares. */
export interface Compiler {
  readonly functions: FunctionTable
  readonly scope: Scope
  /** Compiles an operand (calls, fields and pipelines contain each other, so the files reach it through here). */
  readonly operand: (node: OperandNode, compiler: Compiler) => Eval | undefined
}
