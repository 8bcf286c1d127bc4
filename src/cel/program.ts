import { type ASTNode, type Environment } from '@marcbachmann/cel-js'
import { EngineError } from '../base/index.ts'
import { createEnvironment } from './environment.ts'
import { comprehensionDepth, withSafeMatches } from './rewrite.ts'

/** What an expression may refer to, and what it must give. */
export interface CelOptions {
  /** Names of the variables; another name is an error of compiling. Undefined: any name, and one that is not there an error of evaluating. */
  readonly variables?: readonly string[]
  /** Name of the field that holds the expression, for messages: `spec.dependsOn[0].readyExpr`. */
  readonly field: string
  /** What it must give; default `bool`. */
  readonly gives?: 'bool' | 'string'
}

/** A compiled expression. Keeps no state between evaluations. */
export interface CelProgram {
  /**
   * The value as a boolean.
   * @throws EngineError `cel-evaluation-failed` for a missing field (unless `has()` or `.?` asks first), types that do not fit, and any value that is no boolean.
   */
  evaluateBool(variables: { readonly [name: string]: unknown }): boolean
  /** The value as a text, of a program that gives one. @throws EngineError as {@link CelProgram.evaluateBool}. */
  evaluateString(variables: { readonly [name: string]: unknown }): string
}

/** Bounds that no sensible expression reaches. */
const maxLength = 16_384
const limits = { maxAstNodes: 2_000, maxDepth: 100, maxListElements: 500, maxMapEntries: 500, maxCallArguments: 32 }
/** Comprehensions inside each other: each one multiplies the work with the length of a list. */
const maxComprehensionDepth = 3

/**
 * Compiles an expression that must give a boolean, or a text where the caller says so: the standard library with optional types, the extensions for strings, sets and encoders,
 * comparison across numeric types (cel-go 0.26 as fluxcd/pkg runtime sets it up). Numbers of plain data are doubles.
 *
 * @throws EngineError `cel-invalid` (`stall`, reason `InvalidCELExpression`) with the place of the error.
 */
export function compileCel(expression: string, options: CelOptions): CelProgram {
  if (expression.length > maxLength)
    throw invalid(options, `it is ${expression.length} characters long, more than the ${maxLength} allowed`)
  const environment = createEnvironment(options.variables, limits)
  const text = rewrite(environment, expression, options)
  const checked = environment.check(text)
  if (!checked.valid) throw invalid(options, summary(checked.error))
  const type = String(checked.type)
  const wanted = options.gives ?? 'bool'
  if (type !== wanted && type !== 'dyn' && !type.startsWith('dyn<'))
    throw invalid(options, `it gives ${type}, not ${wanted}`)
  const run = environment.parse(text)
  const evaluate = (variables: { readonly [name: string]: unknown }): unknown => {
    try {
      return run({ ...variables })
    } catch (error) {
      throw failed(options, summary(error))
    }
  }
  return {
    evaluateBool: (variables) => {
      const value = evaluate(variables)
      if (typeof value === 'boolean') return value
      throw failed(options, 'its value is no boolean')
    },
    evaluateString: (variables) => {
      const value = evaluate(variables)
      if (typeof value === 'string') return value
      throw failed(options, 'its value is no string')
    },
  }
}

function rewrite(environment: Environment, expression: string, options: CelOptions): string {
  let ast: ASTNode
  try {
    ast = environment.parse(expression).ast
  } catch (error) {
    throw invalid(options, summary(error))
  }
  if (comprehensionDepth(ast) > maxComprehensionDepth)
    throw invalid(
      options,
      `more than ${maxComprehensionDepth} comprehensions (all, exists, filter, map) inside each other`,
    )
  return withSafeMatches(expression, ast)
}

/** The first line of the library's message: the lines behind it draw the expression. */
function summary(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error)
  return (message.split('\n')[0] ?? '').trim()
}

function invalid(options: CelOptions, message: string): EngineError {
  return new EngineError(`${options.field}: invalid CEL expression: ${message}`, {
    code: 'cel-invalid',
    reason: 'InvalidCELExpression',
    data: { field: options.field },
  })
}

function failed(options: CelOptions, message: string): EngineError {
  return new EngineError(`${options.field}: the CEL expression cannot be evaluated: ${message}`, {
    code: 'cel-evaluation-failed',
    disposition: 'wait',
    data: { field: options.field },
  })
}

/**
 * Compiles an expression of any type. What it gives is a value of the library, good as a variable of further expressions.
 *
 * @throws EngineError as {@link compileCel}; the program throws `cel-evaluation-failed`.
 */
export function compileCelValue(
  expression: string,
  options: Omit<CelOptions, 'gives'>,
): (variables: { readonly [name: string]: unknown }) => unknown {
  if (expression.length > maxLength)
    throw invalid(options, `it is ${expression.length} characters long, more than the ${maxLength} allowed`)
  const environment = createEnvironment(options.variables, limits)
  const text = rewrite(environment, expression, options)
  const checked = environment.check(text)
  if (!checked.valid) throw invalid(options, summary(checked.error))
  const run = environment.parse(text)
  return (variables) => {
    try {
      return run({ ...variables })
    } catch (error) {
      throw failed(options, summary(error))
    }
  }
}
