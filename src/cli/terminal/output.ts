import { printJson, printYaml } from '../../yaml/index.ts'
import type { KubeValue } from '../../resources/index.ts'
import { styleOf, type Style } from './style.ts'
import type { Terminal } from './terminal.ts'

/** How data is printed. `table` is for people, `wide` with more columns. */
export type OutputFormat = 'table' | 'wide' | 'json' | 'yaml' | 'name'

/** All of them. */
export const outputFormats: readonly OutputFormat[] = ['table', 'wide', 'json', 'yaml', 'name']

/** The format that `-o` names; without it, tables for a terminal and JSON for anything else that reads. */
export function formatOf(asked: OutputFormat | undefined, terminal: Terminal): OutputFormat {
  return asked ?? (terminal.isOutTerminal ? 'table' : 'json')
}

/** One answer in every format. */
export interface Answer {
  /** For machines. Plain data; nothing secret. */
  readonly data: unknown
  /** For people. */
  readonly text: (style: Style, width: number | undefined, isWide: boolean) => string
  /** `kind/name`, one a line. */
  readonly names: readonly string[]
}

/** Prints an answer. */
export function printAnswer(terminal: Terminal, asked: OutputFormat | undefined, answer: Answer): void {
  const format = formatOf(asked, terminal)
  switch (format) {
    case 'json':
      return terminal.out(`${printJson(plain(answer.data), { escapeHtml: false, indent: 2 })}\n`)
    case 'yaml':
      return terminal.out(printYaml(plain(answer.data), { dialect: 'sigs' }))
    case 'name':
      return terminal.out(answer.names.map((name) => `${name}\n`).join(''))
    case 'table':
    case 'wide': {
      const width = terminal.isOutTerminal && format === 'table' ? terminal.width : undefined
      return terminal.out(answer.text(styleOf(terminal.hasColour), width, format === 'wide'))
    }
  }
}

/** What survives JSON: fields that are undefined are left out. */
function plain(data: unknown): KubeValue {
  return JSON.parse(JSON.stringify(data)) as KubeValue
}
