import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { commandsOf } from './commands.ts'
import { placeOf, root, type Block, type Page } from './page.ts'

/** Answers what `sluice <words> --help` prints. */
export type Help = (words: readonly string[]) => Promise<string>

/** Asks the program itself, each question once. */
export function createHelp(program: string): Help {
  const known = new Map<string, Promise<string>>()
  return (words) => {
    const key = words.join(' ')
    const asked = known.get(key) ?? ask(program, words)
    known.set(key, asked)
    return asked
  }
}

function ask(program: string, words: readonly string[]): Promise<string> {
  return new Promise((resolve) => {
    execFile(process.execPath, [program, ...words, '--help'], (_error, stdout, stderr) => resolve(stdout + stderr))
  })
}

/** What is wrong with the commands of a page without running any: shell syntax, verbs and flags of `sluice`, names of `npm run`, variables that nobody names. */
export async function checkCommands(page: Page, help: Help): Promise<readonly string[]> {
  const scripts = new Set(
    Object.keys((JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: object }).scripts),
  )
  const findings: string[] = []
  for (const block of page.blocks) {
    const script = scriptOf(block)
    if (script === undefined) continue
    const place = placeOf(page, block)
    if (block.language === 'sh') findings.push(...(await checkSyntax(script)).map((text) => `${place}: ${text}`))
    for (const words of commandsOf(script)) {
      const [program, ...rest] = words
      if (program === 'sluice') findings.push(...(await checkVerb(rest, help)).map((text) => `${place}: ${text}`))
      if (
        program === 'npm' &&
        rest[0] === 'run' &&
        !scripts.has(rest.find((word, at) => at > 0 && !word.startsWith('-')) ?? '')
      )
        findings.push(`${place}: there is no ${words.join(' ')}`)
    }
  }
  return [...findings, ...checkVariables(page)]
}

/** The commands in a block: those of `sh`, and what is typed after `$ ` in `console`. */
function scriptOf(block: Block): string | undefined {
  if (block.language === 'sh') return block.text
  if (block.language !== 'console') return undefined
  const typed = block.text.split('\n').filter((line) => line.startsWith('$ '))
  return typed.map((line) => line.slice(2)).join('\n')
}

function checkSyntax(script: string): Promise<readonly string[]> {
  return new Promise((resolve) => {
    const child = execFile('bash', ['-n'], (error, _stdout, stderr) => {
      resolve(error === null ? [] : [`bash does not read it: ${stderr.trim()}`])
    })
    child.stdin?.end(script)
  })
}

/** Follows the verbs as far as the help lists them, then looks for every flag in the help of the last. */
async function checkVerb(words: readonly string[], help: Help): Promise<readonly string[]> {
  const path: string[] = []
  let text = await help(path)
  for (const word of words) {
    if (!/^\s*Commands:/m.test(text)) break
    if (word.startsWith('-')) continue
    const listed = new RegExp(`^  (?:[\\w-]+\\|)?${word.replaceAll(/\W/g, '\\$&')}(?:[| ]|$)`, 'm').test(text)
    if (!listed) return [`sluice ${[...path, word].join(' ')}: the help lists no such verb`]
    path.push(word)
    text = await help(path)
  }
  const end = words.indexOf('--')
  const flags = (end < 0 ? words : words.slice(0, end)).filter((word) => /^--?[a-zA-Z]/.test(word))
  return flags
    .map((flag) => flag.replace(/=.*$/, ''))
    .filter((flag) => !new RegExp(`(?:^|[\\s,])${flag}(?![\\w-])`, 'm').test(text) && !['-h', '--help'].includes(flag))
    .map((flag) => `sluice ${path.join(' ')} ${flag}: the help lists no such flag`)
}

/** What the shell sets itself, or everybody has. */
const everywhere: readonly string[] = ['HOME', 'PWD', 'PATH', 'USER', 'KUBECONFIG', 'TMPDIR']

/** A reader must be told of every variable: the page sets it in a command, or names it outside of commands. */
function checkVariables(page: Page): readonly string[] {
  const told = page.prose.join('\n')
  const commands = page.blocks.filter((block) => block.language === 'sh').map((block) => block.text)
  const all = commands.join('\n')
  const used = new Set([...all.matchAll(/\$\{?([A-Z][A-Z0-9_]+)/g)].map(([, name = '']) => name))
  return [...used]
    .filter((name) => !everywhere.includes(name))
    .filter((name) => !new RegExp(`(?:^|[\\s;(])${name}=`, 'm').test(all) && !new RegExp(`\`\\$?${name}\``).test(told))
    .filter((name) => !new RegExp(`\\bread (?:-\\w+ )*${name}\\b`).test(all))
    .map((name) => `${page.path}: nothing on the page says what $${name} is`)
}
