import { parseError, type Source, type TemplateError } from './errors.ts'
import { describeToken, lex, type Token, type TokenType } from './lexer.ts'
import {
  isEmptyBody,
  printNode,
  type BranchNode,
  type CommandNode,
  type ListNode,
  type OperandNode,
  type PipeNode,
  type StatementNode,
} from './nodes.ts'
import { numberNode, readNumber } from './number-node.ts'
import { quote, unquote } from './quote.ts'

/** What the parser needs to know about functions: which names exist. */
export interface FunctionNames {
  has(name: string): boolean
}

/** One template of a parsed text: the text itself, or a `define` or `block` inside it. */
export interface Tree {
  readonly name: string
  readonly source: Source
  readonly root: ListNode
}

// Deeper than any real template, and shallow enough for the call stack of a Worker.
const MAX_NESTING = 250

/**
 * Parses a text into its templates by name; the text itself has `name`. Throws a {@link TemplateError} with Go's message.
 * Follows Go 1.26 text/template/parse. Expressions and blocks nested more than 250 deep are refused (Go: 10,000).
 */
export function parse(name: string, text: string, functions: FunctionNames): Map<string, Tree> {
  const source: Source = { name, text }
  const tokens = lex(text, { breakKeyword: !functions.has('break'), continueKeyword: !functions.has('continue') })
  const trees = new Map<string, Tree>()
  new Parser({ source, functions, trees, cursor: { tokens, at: 0, fetched: 0, nesting: 0 } }).parseText()
  return trees
}

/** State that the parsers of one text share. */
interface Shared {
  readonly source: Source
  readonly functions: FunctionNames
  readonly trees: Map<string, Tree>
  readonly cursor: { readonly tokens: readonly Token[]; at: number; fetched: number; nesting: number }
}

/** What ends a list: `{{end}}`, or `{{else}}` with the offset of what follows it. */
interface Terminator {
  readonly type: 'end' | 'else'
  readonly pos: number
}

type Statement = StatementNode | Terminator

function isTerminator(node: Statement): node is Terminator {
  return node.type === 'end' || node.type === 'else'
}

const OPERAND_STARTS: ReadonlySet<TokenType> = new Set<TokenType>([
  'bool',
  'charConstant',
  'complex',
  'dot',
  'field',
  'identifier',
  'number',
  'nil',
  'rawString',
  'string',
  'variable',
  'leftParen',
])
const NOT_EXECUTABLE: ReadonlySet<OperandNode['type']> = new Set(['bool', 'dot', 'nil', 'number', 'string'] as const)

/** Parses one tree: the text's own, or one definition in it. Each has its own variables and loop depth. */
class Parser {
  private readonly shared: Shared
  private readonly source: Source
  private vars: string[] = ['$']
  private rangeDepth = 0
  private actionLine = 0
  /** The last token this parser took from the lexer: errors name its line. */
  private latest: Token | undefined

  constructor(shared: Shared) {
    this.shared = shared
    this.source = shared.source
  }

  parseText(): void {
    const nodes: StatementNode[] = []
    const pos = this.peek().pos
    while (this.peek().type !== 'eof') {
      if (this.peek().type === 'leftDelim') {
        const { cursor } = this.shared
        const start = cursor.at
        this.next()
        if (this.nextNonSpace().type === 'define') {
          new Parser(this.shared).parseDefinition()
          continue
        }
        cursor.at = start
      }
      const node = this.textOrAction()
      if (isTerminator(node)) throw this.error(`unexpected {{${node.type}}}`)
      nodes.push(node)
    }
    this.add(this.source.name, { type: 'list', source: this.source, pos, nodes })
  }

  private parseDefinition(): void {
    const context = 'define clause'
    const token = this.nextNonSpace()
    const name = this.templateName(token, context)
    this.expect('rightDelim', context)
    const [list, end] = this.itemList()
    if (end.type !== 'end') throw this.error(`unexpected {{else}} in ${context}`)
    this.add(name, list)
  }

  private add(name: string, root: ListNode): void {
    const previous = this.shared.trees.get(name)
    if (previous === undefined || isEmptyBody(previous.root)) {
      this.shared.trees.set(name, { name, source: this.source, root })
    } else if (!isEmptyBody(root)) {
      throw this.error(`template: multiple definition of template ${quote(name)}`)
    }
  }

  private peek(): Token {
    const { cursor } = this.shared
    const token = cursor.tokens[Math.min(cursor.at, cursor.tokens.length - 1)]!
    if (cursor.at >= cursor.fetched) {
      cursor.fetched = cursor.at + 1
      this.latest = token
    }
    return token
  }

  private next(): Token {
    const token = this.peek()
    this.shared.cursor.at++
    return token
  }

  private nextNonSpace(): Token {
    let token = this.next()
    while (token.type === 'space') token = this.next()
    return token
  }

  private peekNonSpace(): Token {
    const token = this.nextNonSpace()
    this.shared.cursor.at--
    return token
  }

  private expect(type: TokenType, context: string): Token {
    const token = this.nextNonSpace()
    if (token.type !== type) throw this.unexpected(token, context)
    return token
  }

  private error(detail: string): TemplateError {
    return parseError(this.source, this.latest?.line ?? 0, detail)
  }

  private unexpected(token: Token, context: string): TemplateError {
    if (token.type !== 'error') return this.error(`unexpected ${describeToken(token)} in ${context}`)
    let started = ''
    if (this.actionLine !== 0 && this.actionLine !== token.line) {
      started = ` in action started at ${this.source.name}:${this.actionLine}`
      if (token.text.endsWith(' action')) started = started.slice(' in action'.length)
    }
    return this.error(token.text + started)
  }

  private enter(): void {
    if (++this.shared.cursor.nesting > MAX_NESTING) throw this.error('max expression depth exceeded')
  }

  private leave(): void {
    this.shared.cursor.nesting--
  }

  private itemList(): [ListNode, Terminator] {
    const pos = this.peekNonSpace().pos
    const nodes: StatementNode[] = []
    while (this.peekNonSpace().type !== 'eof') {
      const node = this.textOrAction()
      if (isTerminator(node)) return [{ type: 'list', source: this.source, pos, nodes }, node]
      nodes.push(node)
    }
    throw this.error('unexpected EOF')
  }

  private textOrAction(): Statement {
    const token = this.nextNonSpace()
    if (token.type === 'text') return { type: 'text', source: this.source, pos: token.pos, text: token.text }
    if (token.type !== 'leftDelim') throw this.unexpected(token, 'input')
    this.actionLine = token.line
    const node = this.action()
    this.actionLine = 0
    return node
  }

  private action(): Statement {
    const token = this.nextNonSpace()
    switch (token.type) {
      case 'block':
        return this.block()
      case 'break':
      case 'continue':
        return this.jump(token.type, token.pos)
      case 'else':
        return this.elseClause()
      case 'end':
        return { type: 'end', pos: this.expect('rightDelim', 'end').pos }
      case 'if':
      case 'range':
      case 'with':
        return this.branch(token.type)
      case 'template':
        return this.template()
      default:
    }
    this.shared.cursor.at--
    const { pos } = this.peek()
    return { type: 'action', source: this.source, pos, pipe: this.pipeline('command', 'rightDelim') }
  }

  private jump(type: 'break' | 'continue', pos: number): StatementNode {
    const token = this.nextNonSpace()
    if (token.type !== 'rightDelim') throw this.unexpected(token, `{{${type}}}`)
    if (this.rangeDepth === 0) throw this.error(`{{${type}}} outside {{range}}`)
    return { type, source: this.source, pos }
  }

  private elseClause(): Terminator {
    const peek = this.peekNonSpace()
    if (peek.type === 'if' || peek.type === 'with') return { type: 'else', pos: peek.pos }
    return { type: 'else', pos: this.expect('rightDelim', 'else').pos }
  }

  private branch(type: BranchNode['type']): BranchNode {
    this.enter()
    const { vars } = this
    this.vars = [...vars]
    const pipe = this.pipeline(type, 'rightDelim')
    if (type === 'range') this.rangeDepth++
    const [list, end] = this.itemList()
    if (type === 'range') this.rangeDepth--
    const elseList = end.type === 'else' ? this.elseList(type, end) : undefined
    this.vars = vars
    this.leave()
    return { type, source: this.source, pos: pipe.pos, pipe, list, elseList }
  }

  private elseList(type: BranchNode['type'], otherwise: Terminator): ListNode {
    // `else if` and `else with` are one nested statement that shares its end with this one.
    if ((type === 'if' || type === 'with') && this.peek().type === type) {
      this.next()
      const node = this.branch(type)
      return { type: 'list', source: this.source, pos: otherwise.pos, nodes: [node] }
    }
    const [list, end] = this.itemList()
    if (end.type !== 'end') throw this.error('expected end; found {{else}}')
    return list
  }

  private block(): StatementNode {
    const context = 'block clause'
    const token = this.nextNonSpace()
    const name = this.templateName(token, context)
    const pipe = this.pipeline(context, 'rightDelim')
    this.enter()
    const body = new Parser(this.shared)
    const [list, end] = body.itemList()
    if (end.type !== 'end') throw this.error(`unexpected {{else}} in ${context}`)
    body.add(name, list)
    this.leave()
    return { type: 'template', source: this.source, pos: token.pos, name, pipe }
  }

  private template(): StatementNode {
    const context = 'template clause'
    const token = this.nextNonSpace()
    const name = this.templateName(token, context)
    let pipe: PipeNode | undefined
    if (this.nextNonSpace().type !== 'rightDelim') {
      this.shared.cursor.at--
      pipe = this.pipeline(context, 'rightDelim')
    }
    return { type: 'template', source: this.source, pos: token.pos, name, pipe }
  }

  private templateName(token: Token, context: string): string {
    if (token.type !== 'string' && token.type !== 'rawString') throw this.unexpected(token, context)
    return this.unquoted(token.text)
  }

  private unquoted(literal: string): string {
    const text = unquote(literal)
    if (text === undefined) throw this.error('invalid syntax')
    return text
  }

  private pipeline(context: string, end: TokenType): PipeNode {
    const { pos } = this.peekNonSpace()
    const decl: string[] = []
    const isAssign = this.declarations(context, decl)
    const cmds: CommandNode[] = []
    for (;;) {
      const token = this.nextNonSpace()
      if (token.type === end) break
      if (!OPERAND_STARTS.has(token.type)) throw this.unexpected(token, context)
      this.shared.cursor.at--
      cmds.push(this.command())
    }
    if (cmds.length === 0) throw this.error(`missing value for ${context}`)
    const wrong = cmds.findIndex((cmd, i) => i > 0 && NOT_EXECUTABLE.has(cmd.args[0]!.type))
    if (wrong > 0) throw this.error(`non executable command in pipeline stage ${wrong + 1}`)
    return { type: 'pipe', source: this.source, pos, decl, isAssign, cmds }
  }

  /** Reads `$x :=`, `$x =` or (for range) `$i, $x :=` into `decl`; true for an assignment. */
  private declarations(context: string, decl: string[]): boolean {
    const { cursor } = this.shared
    while (this.peekNonSpace().type === 'variable') {
      const start = cursor.at
      const variable = this.next()
      const following = this.peekNonSpace()
      const isComma = following.type === 'char' && following.text === ','
      if (!isComma && following.type !== 'assign' && following.type !== 'declare') {
        cursor.at = start
        return false
      }
      this.nextNonSpace()
      decl.push(variable.text)
      this.vars.push(variable.text)
      if (!isComma) return following.type === 'assign'
      if (context !== 'range' || decl.length >= 2) throw this.error(`too many declarations in ${context}`)
      const { type } = this.peekNonSpace()
      if (type !== 'variable' && type !== 'rightDelim' && type !== 'rightParen') {
        throw this.error('range can only initialize variables')
      }
    }
    return false
  }

  private command(): CommandNode {
    const { pos } = this.peekNonSpace()
    const args: OperandNode[] = []
    for (;;) {
      this.peekNonSpace()
      const operand = this.operand()
      if (operand !== undefined) args.push(operand)
      const token = this.next()
      if (token.type === 'space') continue
      if (token.type === 'rightDelim' || token.type === 'rightParen') this.shared.cursor.at--
      else if (token.type !== 'pipe') throw this.unexpected(token, 'operand')
      break
    }
    if (args.length === 0) throw this.error('empty command')
    return { type: 'command', source: this.source, pos, args }
  }

  private operand(): OperandNode | undefined {
    const node = this.term()
    if (node === undefined || this.peek().type !== 'field') return node
    const { pos } = this.peek()
    const fields: string[] = []
    while (this.peek().type === 'field') fields.push(this.next().text.slice(1))
    switch (node.type) {
      case 'field':
      case 'variable':
        // The place of a longer chain is that of its second part, as in Go.
        return { ...node, pos, idents: [...node.idents, ...fields] }
      case 'bool':
      case 'string':
      case 'number':
      case 'nil':
      case 'dot':
        throw this.error(`unexpected . after term ${quote(printNode(node))}`)
      default:
        return { type: 'chain', source: this.source, pos, node, fields }
    }
  }

  private term(): OperandNode | undefined {
    const token = this.nextNonSpace()
    const { source } = this
    const { pos, text } = token
    switch (token.type) {
      case 'identifier':
        if (!this.shared.functions.has(text)) throw this.error(`function ${quote(text)} not defined`)
        return { type: 'identifier', source, pos, name: text }
      case 'dot':
        return { type: 'dot', source, pos }
      case 'nil':
        return { type: 'nil', source, pos }
      case 'variable':
        if (!this.vars.includes(text)) throw this.error(`undefined variable ${quote(text)}`)
        return { type: 'variable', source, pos, idents: [text] }
      case 'field':
        return { type: 'field', source, pos, idents: [text.slice(1)] }
      case 'bool':
        return { type: 'bool', source, pos, value: text === 'true' }
      case 'charConstant':
      case 'complex':
      case 'number': {
        const value = readNumber(token.type, text)
        if (typeof value === 'string') throw this.error(value)
        return numberNode(source, pos, text, value)
      }
      case 'leftParen': {
        this.enter()
        const pipe = this.pipeline('parenthesized pipeline', 'rightParen')
        this.leave()
        return pipe
      }
      case 'string':
      case 'rawString':
        return { type: 'string', source, pos, quoted: text, text: this.unquoted(text) }
      default:
        this.shared.cursor.at--
        return undefined
    }
  }
}
