import { globSync, readFileSync } from 'node:fs'
import { join, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The root of the repository. */
export const root = fileURLToPath(new URL('../../', import.meta.url))

/** A fenced block of a page. */
export interface Block {
  /** Its first word: `sh`, `yaml`, `console`, … */
  readonly language: string
  /** What follows the language: `not-run="…"`, or a word alone, which has the value ''. */
  readonly attributes: { readonly [name: string]: string }
  readonly text: string
  /** Of its fence, from 1. */
  readonly line: number
  /** The file that the block is: the last thing in backquotes on the line before it, where that looks like a file. */
  readonly file: string | undefined
}

/** A page of documentation. */
export interface Page {
  /** From the root of the repository, with slashes. */
  readonly path: string
  readonly blocks: readonly Block[]
  /** The text outside of blocks, line by line; a line of a block is empty. */
  readonly prose: readonly string[]
}

/** The README and the pages of infra/docs. */
export function pagePaths(): readonly string[] {
  return ['README.md', ...globSync('infra/docs/*.md', { cwd: root }).map((path) => path.split(sep).join('/'))].sort()
}

/** Reads a page of the repository. Throws where it is not there or a block does not end. */
export function readPage(path: string): Page {
  return parsePage(path, readFileSync(join(root, path), 'utf8'))
}

/** Takes the text of a page apart. Throws RangeError where a block does not end. */
export function parsePage(path: string, text: string): Page {
  const blocks: Block[] = []
  const prose: string[] = []
  let open: { fence: string; indent: number; info: string; line: number; lines: string[] } | undefined
  for (const [index, line] of text.split('\n').entries()) {
    if (open === undefined) {
      const start = /^(\s*)(`{3,}|~{3,})\s*(.*)$/.exec(line)
      if (start === null) prose.push(line)
      else open = openBlock(start, index)
      if (start !== null) prose.push('')
      continue
    }
    prose.push('')
    if (line.trim() !== open.fence) {
      open.lines.push(line.slice(Math.min(open.indent, line.length - line.trimStart().length)))
      continue
    }
    const before = prose.slice(0, open.line - 1).findLast((one) => one.trim() !== '') ?? ''
    blocks.push({
      language: /^\S*/.exec(open.info)?.[0] ?? '',
      attributes: attributesOf(open.info.replace(/^\S*/, '')),
      text: `${open.lines.join('\n')}\n`,
      line: open.line,
      file: /`([\w./@-]+\.[a-z]+)`[^`]*$/.exec(before)?.[1],
    })
    open = undefined
  }
  if (open !== undefined) throw new RangeError(`${path}:${open.line}: the block does not end`)
  return { path, blocks, prose }
}

function openBlock(
  start: RegExpExecArray,
  index: number,
): { fence: string; indent: number; info: string; line: number; lines: string[] } {
  const [, indent = '', fence = '', info = ''] = start
  return { fence, indent: indent.length, info: info.trim(), line: index + 1, lines: [] }
}

function attributesOf(info: string): { readonly [name: string]: string } {
  const found = info.matchAll(/([a-z-]+)(?:="([^"]*)")?/g)
  return Object.fromEntries([...found].map(([, name = '', value = '']) => [name, value]))
}

/** Why a block of commands is not run; undefined for one that is. `values` are examples that the test sets in its own way. */
export function whyNotRun(block: Block): string | undefined {
  return 'values' in block.attributes ? 'values' : block.attributes['not-run']
}

/** `page.md:12`, for messages. */
export function placeOf(page: Page, block: Block): string {
  return `${page.path}:${block.line}`
}
