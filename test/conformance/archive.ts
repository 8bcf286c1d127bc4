/** Files of one test case in one text: `-- path --` starts a file, everything up to the next such line is its content. */
export function parseArchive(text: string): { comment: string; files: Map<string, string> } {
  const files = new Map<string, string>()
  let comment = ''
  let path: string | undefined
  let lines: string[] = []
  const flush = (): void => {
    const content = lines.length === 0 ? '' : `${lines.join('\n')}\n`
    if (path === undefined) comment = content
    else files.set(path, content)
    lines = []
  }
  const all = text.split('\n')
  if (all.at(-1) === '') all.pop()
  for (const line of all) {
    const marker = /^-- (.+) --$/.exec(line)
    if (marker) {
      flush()
      path = marker[1]
    } else lines.push(line)
  }
  flush()
  return { comment, files }
}

/** The reverse of {@link parseArchive}. */
export function printArchive(comment: string, files: ReadonlyMap<string, string>): string {
  return comment + [...files].map(([path, content]) => `-- ${path} --\n${content}`).join('')
}
