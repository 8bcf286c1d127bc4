import { compileTree } from './compile/index.ts'
import type { FunctionTable } from './function.ts'
import { isEmptyBody } from './nodes.ts'
import { parse, type Tree } from './parser.ts'
import type { Run } from './run.ts'
import type { Value } from './value.ts'

/** A template ready to run. Immutable: any number of runs may share it. */
export interface CompiledTemplate {
  readonly name: string
  /** How many variables its frame holds, `$` counted. */
  readonly slots: number
  readonly body: (run: Run, dot: Value) => unknown
  /** Nothing but white space: never replaces an earlier definition. */
  readonly isEmpty: boolean
}

/** A parsed text: its own template (under the text's name) and those it defines. Immutable, so that it may be cached by text. */
export interface ParsedText {
  readonly name: string
  readonly templates: ReadonlyMap<string, CompiledTemplate>
}

/** Parses and compiles one text with the functions it may call. Throws TemplateError (`template-parse`) with Go's message. */
export function parseTemplate(name: string, text: string, functions: FunctionTable): ParsedText {
  const templates = new Map<string, CompiledTemplate>()
  for (const tree of parse(name, text, functions).values()) templates.set(tree.name, new LazyTemplate(tree, functions))
  return { name, templates }
}

/** Compiles itself when it runs for the first time: of a library chart's templates most never do. */
class LazyTemplate implements CompiledTemplate {
  readonly name: string
  readonly isEmpty: boolean
  readonly #functions: FunctionTable
  #tree: Tree | undefined
  #compiled: ReturnType<typeof compileTree> | undefined

  constructor(tree: Tree, functions: FunctionTable) {
    this.name = tree.name
    this.isEmpty = isEmptyBody(tree.root)
    this.#tree = tree
    this.#functions = functions
  }

  get slots(): number {
    return this.#compile().slots
  }

  get body(): CompiledTemplate['body'] {
    return this.#compile().body
  }

  #compile(): ReturnType<typeof compileTree> {
    if (this.#compiled === undefined && this.#tree !== undefined) {
      this.#compiled = compileTree(this.#tree, this.#functions)
      this.#tree = undefined
    }
    return this.#compiled!
  }
}

/**
 * Templates that see each other by name, as Go's associated templates. A set made with {@link TemplateSet.extend} sees its
 * parent's templates and keeps its own additions to itself, which is what `tpl` needs.
 */
export class TemplateSet {
  readonly name: string
  private readonly own = new Map<string, CompiledTemplate>()
  private readonly parent: TemplateSet | undefined

  constructor(name: string, parent?: TemplateSet) {
    this.name = name
    this.parent = parent
  }

  /** A set that starts with this one's templates; adding to it leaves this one as it is. */
  extend(name: string = this.name): TemplateSet {
    return new TemplateSet(name, this)
  }

  /** Adds a text's templates. A later definition replaces an earlier one unless it is empty. */
  add(parsed: ParsedText): void {
    for (const template of parsed.templates.values()) {
      if (template.isEmpty && this.get(template.name) !== undefined) continue
      this.own.set(template.name, template)
    }
  }

  get(name: string): CompiledTemplate | undefined {
    return this.own.get(name) ?? this.parent?.get(name)
  }

  /** The names of all templates, in no particular order. */
  names(): string[] {
    return [...new Set([...(this.parent?.names() ?? []), ...this.own.keys()])]
  }
}
