import { EngineError } from '../base/index.ts'
import { execError, FunctionError, LimitError, position, TemplateError, type TemplateFrame } from './errors.ts'
import { formatValue } from './fmt/index.ts'
import { printNode, type Node } from './nodes.ts'
import type { CompiledTemplate, TemplateSet } from './template-set.ts'
import { quote } from './quote.ts'
import { GoObject, isFunction, typeName, type Value } from './value.ts'

/** What a missing map key gives: `invalid` prints `<no value>`, `zero` is the element's zero value, `error` stops. */
export type MissingKey = 'invalid' | 'zero' | 'error'

/** Bounds of one execution. Whatever the template does, it ends within them, with an error that names the bound. */
export interface ExecuteLimits {
  /** Templates inside templates, `include` and `tpl` counted. */
  readonly maxDepth: number
  /** Characters of output, of every nested template together. */
  readonly maxOutput: number
  /** Statements, loop rounds and elements that functions touch. */
  readonly maxSteps: number
  /** Characters and elements that functions may make, all together. */
  readonly maxMemory: number
}

export const DEFAULT_LIMITS: ExecuteLimits = Object.freeze({
  maxDepth: 400,
  maxOutput: 64 << 20,
  maxSteps: 50_000_000,
  maxMemory: 512 << 20,
})

/** What a template can see of the outside: with the same answers the same output is made. */
export interface Environment {
  /** The time in milliseconds since 1970. */
  now(): number
  /** That many random bytes. */
  randomBytes(count: number): Uint8Array
  /** A new RSA key of two primes, PKCS#1 in DER, from a host that makes them faster than this engine does of random bytes. */
  rsaKey?(bits: number): Uint8Array
}

export interface RunOptions {
  readonly missingKey?: MissingKey
  readonly limits?: Partial<ExecuteLimits>
  /** The clock for `deadline`, in milliseconds; looked at every few thousand steps. */
  readonly now?: () => number
  /** When to stop, in the clock's milliseconds. */
  readonly deadline?: number
  /** Time and randomness for functions such as `now` and `randAlpha`; without it they fail. */
  readonly environment?: Environment
  /** Where functions may keep what is costly to make (compiled expressions), by key; may be shared by many runs. */
  readonly cache?: Map<string, unknown>
  /** What functions that are bound late (`include`, `lookup`) need from their host; the engine only passes it on. */
  readonly host?: unknown
}

/** The place of the call that is being made: what errors of functions are attributed to. */
export interface CallSite {
  readonly node: Node
  readonly name: string
}

/** Thrown through a function by a template that it executed; the caller's frame is put around it. */
class NestedFailure extends EngineError {
  readonly inner: TemplateError

  constructor(inner: TemplateError) {
    super(inner.message, { code: inner.code, cause: inner })
    this.inner = inner
  }
}

const CHECK_EVERY = 4096

/**
 * The state of one execution: output, variables, position, what is left of the limits. Functions get it as their first
 * argument: they may execute templates and must account for what they make with {@link Run.step} and {@link Run.allocate}.
 */
export class Run {
  readonly missingKey: MissingKey
  readonly host: unknown
  readonly cache: Map<string, unknown>
  readonly limits: ExecuteLimits
  /** The templates that `template` and `include` see; `tpl` swaps it for the time of its call. */
  set: TemplateSet
  /** @internal */
  out = ''
  /** @internal */
  vars: Value[] = []
  /** @internal The node being evaluated. */
  node: Node | undefined
  /** @internal */
  site: CallSite | undefined
  /** @internal */
  template: CompiledTemplate | undefined
  /** @internal The type of the innermost loop's elements, as Go names it in errors. */
  elementType = 'interface {}'
  /** How deep templates are nested right now. */
  depth = 0
  private stepsLeft: number
  private nextCheck = CHECK_EVERY
  private steps = 0
  private memoryLeft: number
  private outputLeft: number
  private readonly now: (() => number) | undefined
  private readonly deadline: number
  private readonly outside: Environment | undefined

  constructor(set: TemplateSet, options: RunOptions = {}) {
    this.set = set
    this.missingKey = options.missingKey ?? 'invalid'
    this.host = options.host
    this.cache = options.cache ?? new Map()
    this.outside = options.environment
    this.limits = { ...DEFAULT_LIMITS, ...options.limits }
    this.stepsLeft = this.limits.maxSteps
    this.memoryLeft = this.limits.maxMemory
    this.outputLeft = this.limits.maxOutput
    this.now = options.now
    this.deadline = options.deadline ?? Infinity
  }

  /** Time and randomness. Throws FunctionError where the run was given none. */
  get environment(): Environment {
    if (this.outside === undefined) throw new FunctionError('this rendering has no clock and no random numbers')
    return this.outside
  }

  /** Executes a template for a function such as `include`: its output is returned, its errors get the caller's frame. */
  executeTemplate(name: string, dot: Value, set: TemplateSet = this.set): string {
    const { out, vars, node, site, template, depth, elementType, set: outerSet } = this
    const compiled = set.get(name)
    if (compiled === undefined) throw new FunctionError(noTemplate(name, set))
    this.set = set
    this.out = ''
    try {
      this.enter(compiled, dot)
      const result = this.out
      this.charge(result.length)
      return result
    } catch (error) {
      throw this.nested(error)
    } finally {
      this.out = out
      this.vars = vars
      this.node = node
      this.site = site
      this.template = template
      this.depth = depth
      this.elementType = elementType
      this.set = outerSet
    }
  }

  private nested(error: unknown): unknown {
    // The stack is still deep: the outermost level describes it.
    if (isHostOverflow(error)) return error
    const described = this.describe(error)
    return described instanceof TemplateError ? new NestedFailure(described) : described
  }

  /** @internal Runs a template's body in a new frame; the caller keeps and restores the frame's fields. */
  enter(compiled: CompiledTemplate, dot: Value): void {
    if (this.depth >= this.limits.maxDepth) {
      throw new LimitError('depth', `exceeded maximum template depth (${this.limits.maxDepth})`)
    }
    this.depth++
    this.template = compiled
    this.site = undefined
    const vars: Value[] = [dot]
    for (let i = 1; i < compiled.slots; i++) vars.push(undefined)
    this.vars = vars
    compiled.body(this, dot)
    this.depth--
  }

  /** Executes a template as the outermost one and returns its output. Throws TemplateError. */
  execute(name: string, dot: Value): string {
    const compiled = this.set.get(name)
    if (compiled === undefined) {
      const detail = noTemplate(name, this.set)
      throw new TemplateError('template-exec', detail, { frames: [], detail })
    }
    try {
      this.out = ''
      this.enter(compiled, dot)
      return this.out
    } catch (error) {
      throw this.describe(error)
    }
  }

  /** The error with the frame of what is executing put around it. */
  private describe(error: unknown): unknown {
    if (error instanceof TemplateError) return error
    if (isHostOverflow(error)) error = overflowLimit(error, this.limits)
    if (error instanceof LimitError) return execError(this.frame(this.node, error.message), error)
    const { site } = this
    if (error instanceof NestedFailure && site !== undefined) {
      return execError(this.frame(site.node, `error calling ${site.name}`), error.inner)
    }
    if (error instanceof FunctionError && site !== undefined) {
      return execError(this.frame(site.node, `error calling ${site.name}`), error)
    }
    return error
  }

  private frame(node: Node | undefined, message: string): TemplateFrame {
    const template = this.template?.name ?? ''
    if (node === undefined) return { file: template, line: 0, column: 0, template, node: '', message }
    const { line, column } = position(node.source, node.pos)
    return { file: node.source.name, line, column, template, node: printNode(node), message }
  }

  /** @internal An error of the executor itself at the current node. */
  fail(message: string): TemplateError {
    return execError(this.frame(this.node, message))
  }

  /** Counts work: statements, loop rounds, elements touched. Throws when the limit or the deadline is reached. */
  step(count = 1): void {
    this.steps += count
    if (this.steps >= this.nextCheck) this.check()
  }

  private check(): void {
    if (this.steps > this.stepsLeft)
      throw new LimitError('steps', `exceeded the limit of ${this.limits.maxSteps} steps`)
    if (this.now !== undefined && this.now() > this.deadline) {
      throw new LimitError('time', 'exceeded the time allowed for rendering')
    }
    this.nextCheck = this.steps + CHECK_EVERY
  }

  /** Counts characters or elements that a function is about to make, before it makes them. */
  allocate(size: number): void {
    this.memoryLeft -= size
    if (!(this.memoryLeft >= 0)) throw memoryLimit(this.limits)
    this.step(size >>> 8)
  }

  /** Counts a result after the fact; only large ones matter. */
  charge(size: number): void {
    if (size > 1024) this.allocate(size)
  }

  /** @internal Prints a value as an action does. */
  print(v: Value, node: Node): void {
    let text: string
    if (typeof v === 'string') text = v
    else if (v === undefined) text = '<no value>'
    else {
      this.node = node
      if (isFunction(v)) throw this.fail(`can't print ${printNode(node)} of type ${typeName(v)}`)
      text = v instanceof GoObject && v.toTextInPlace !== undefined ? v.toTextInPlace() : formatValue(v, this)
    }
    this.write(text)
  }

  /** @internal */
  write(text: string): void {
    this.out += text
    this.outputLeft -= text.length
    if (this.outputLeft < 0) {
      throw new LimitError('output', `exceeded the limit of ${this.limits.maxOutput} characters of output`)
    }
  }
}

function noTemplate(name: string, set: TemplateSet): string {
  return `template: no template ${quote(name)} associated with template ${quote(set.name)}`
}

function memoryLimit(limits: ExecuteLimits): LimitError {
  return new LimitError('memory', `exceeded the limit of ${limits.maxMemory} characters made by functions`)
}

/** True for the host's own "stack overflow" and "string too long", which are limits and no defects. */
function isHostOverflow(error: unknown): error is RangeError {
  return error instanceof RangeError && /call stack|string length|array length/i.test(error.message)
}

function overflowLimit(error: RangeError, limits: ExecuteLimits): LimitError {
  if (!/call stack/i.test(error.message)) return memoryLimit(limits)
  return new LimitError('depth', 'exceeded the depth that the call stack allows')
}
