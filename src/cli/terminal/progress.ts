import { styleOf } from './style.ts'
import { plainText, type Terminal } from './terminal.ts'

/**
 * What a verb says about its work, on stderr, with the signs of flux: ► something is begun, ◎ something is waited for, ✔ done, ✗ failed, ! mind this. On a
 * terminal what is waited for is one line that changes; elsewhere each news is a line.
 */
export interface Progress {
  readonly begin: (text: string) => void
  /** `seconds` is how long it has lasted. */
  readonly wait: (text: string, seconds?: number) => void
  readonly done: (text: string) => void
  readonly fail: (text: string) => void
  readonly warn: (text: string) => void
}

/** Progress on a terminal; `isQuiet` says nothing but warnings and failures. */
export function createProgress(terminal: Terminal, isQuiet = false): Progress {
  const style = styleOf(terminal.hasColour && terminal.isErrTerminal)
  let waiting = ''
  const clear = (): void => {
    if (waiting !== '' && terminal.isErrTerminal) terminal.err('\r\u001b[2K')
    waiting = ''
  }
  const say = (sign: string, text: string): void => {
    clear()
    terminal.err(`${sign} ${plainText(text)}\n`)
  }
  return {
    begin: (text) => {
      if (!isQuiet) say(style.cyan('►'), text)
    },
    wait: (text, seconds) => {
      const news = plainText(text).split('\n')[0] ?? ''
      const line = seconds === undefined || !terminal.isErrTerminal ? news : `${news} (${seconds}s)`
      if (isQuiet || line === waiting) return
      if (!terminal.isErrTerminal) terminal.err(`◎ ${line}\n`)
      else terminal.err(`\r\u001b[2K${style.yellow('◎')} ${cut(line, terminal.width - 3)}`)
      waiting = line
    },
    done: (text) => {
      if (isQuiet) clear()
      else say(style.green('✔'), text)
    },
    fail: (text) => say(style.red('✗'), text),
    warn: (text) => say(style.yellow('!'), text),
  }
}

function cut(text: string, width: number): string {
  const letters = Array.from(text)
  return letters.length <= width ? text : `${letters.slice(0, Math.max(0, width - 1)).join('')}…`
}
