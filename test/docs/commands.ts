/**
 * The simple commands of a shell script, as words, well enough to check names of programs, verbs and flags: pipes, lists, subshells and command substitutions are taken
 * apart, quotes are taken off, here-documents are left out. Expansions stay as they are written.
 */
export function commandsOf(script: string): readonly (readonly string[])[] {
  const commands: (readonly string[])[] = []
  let words: string[] = []
  let word: string | undefined
  const endWord = (): void => {
    if (word !== undefined) words.push(word)
    word = undefined
  }
  const endCommand = (): void => {
    endWord()
    if (words.length > 0) commands.push(words)
    words = []
  }
  const text = withoutHereDocuments(script).replaceAll('\\\n', ' ')
  for (let at = 0; at < text.length; at++) {
    const char = text[at] ?? ''
    if (char === "'") {
      const end = text.indexOf("'", at + 1)
      word = (word ?? '') + text.slice(at + 1, end < 0 ? undefined : end)
      at = end < 0 ? text.length : end
    } else if (char === '"') {
      const end = endOfQuoted(text, at)
      const inner = text.slice(at + 1, end)
      commands.push(...substitutionsOf(inner))
      word = (word ?? '') + inner
      at = end
    } else if (text.startsWith('$(', at)) {
      const end = endOfSubstitution(text, at)
      commands.push(...commandsOf(text.slice(at + 2, end)))
      word = (word ?? '') + text.slice(at, end + 1)
      at = end
    } else if (char === '\\') word = (word ?? '') + (text[++at] ?? '')
    else if (char === '#' && word === undefined) at = lineEnd(text, at) - 1
    else if (/[\n;|()]/.test(char) || (char === '&' && text[at - 1] !== '>')) endCommand()
    else if (/\s/.test(char)) endWord()
    else word = (word ?? '') + char
  }
  endCommand()
  return commands.map(withoutPrefix).filter((command) => command.length > 0)
}

/** Assignments before a command, and words of the shell's grammar, are not the command. */
function withoutPrefix(words: readonly string[]): readonly string[] {
  const start = words.findIndex(
    (word) =>
      !/^[A-Za-z_]\w*=/.test(word) && !['if', 'then', 'else', 'while', 'until', 'do', '!', '{', 'time'].includes(word),
  )
  return start < 0 ? [] : words.slice(start)
}

function substitutionsOf(quoted: string): readonly (readonly string[])[] {
  const found: (readonly string[])[] = []
  for (let at = quoted.indexOf('$('); at >= 0; at = quoted.indexOf('$(', at + 2)) {
    const end = endOfSubstitution(quoted, at)
    found.push(...commandsOf(quoted.slice(at + 2, end)))
    at = end - 2
  }
  return found
}

/** Where the `)` of a `$(` is. */
function endOfSubstitution(text: string, start: number): number {
  let depth = 0
  for (let at = start + 1; at < text.length; at++) {
    const char = text[at]
    if (char === "'") at = Math.max(at, text.indexOf("'", at + 1))
    else if (char === '"') at = endOfQuoted(text, at)
    else if (char === '(') depth++
    else if (char === ')' && --depth === 0) return at
  }
  return text.length
}

function endOfQuoted(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === '\\') at++
    else if (text.startsWith('$(', at)) at = endOfSubstitution(text, at)
    else if (text[at] === '"') return at
  }
  return text.length
}

function lineEnd(text: string, at: number): number {
  const end = text.indexOf('\n', at)
  return end < 0 ? text.length : end
}

function withoutHereDocuments(script: string): string {
  const kept: string[] = []
  let until: string | undefined
  for (const line of script.split('\n')) {
    if (until !== undefined) {
      if (line.trim() === until) until = undefined
      continue
    }
    kept.push(line)
    until = /<<-?\s*['"]?(\w+)['"]?/.exec(line)?.[1]
  }
  return kept.join('\n')
}
