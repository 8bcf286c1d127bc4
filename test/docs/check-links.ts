import { existsSync, statSync } from 'node:fs'
import { dirname, join, posix } from 'node:path'
import { readPage, root, type Page } from './page.ts'

/** Links and pictures of a page that lead to no file of the repository, or to no heading. */
export function checkLinks(page: Page): readonly string[] {
  return page.prose.flatMap((line, index) =>
    targetsOf(line).flatMap((target) => {
      const problem = checkTarget(page.path, target)
      return problem === undefined ? [] : [`${page.path}:${index + 1}: ${target}: ${problem}`]
    }),
  )
}

function targetsOf(line: string): readonly string[] {
  // Code in backquotes shows what somebody writes; it links nothing.
  const text = line.replaceAll(/`[^`]*`/g, '')
  const inline = [...text.matchAll(/\]\(\s*<?([^)\s>]+)>?(?:\s+"[^"]*")?\s*\)/g)].map(([, target = '']) => target)
  const html = [...text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, target = '']) => target)
  return [...inline, ...html]
}

function checkTarget(from: string, target: string): string | undefined {
  if (/^[a-z][a-z0-9+.-]*:/i.test(target)) return undefined
  const [file = '', anchor] = target.split('#', 2)
  const path = file === '' ? from : posix.normalize(posix.join(dirname(from), decodeURIComponent(file)))
  if (path.startsWith('..')) return 'leads out of the repository'
  if (!existsSync(join(root, path))) return 'there is no such file'
  if (anchor === undefined || anchor === '' || !path.endsWith('.md') || statSync(join(root, path)).isDirectory())
    return undefined
  return headingsOf(readPage(path)).includes(anchor) ? undefined : 'there is no such heading'
}

/** Anchors of headings, as GitHub makes them. */
function headingsOf(page: Page): readonly string[] {
  const seen = new Map<string, number>()
  return page.prose
    .map((line) => /^#{1,6}\s+(.*?)\s*#*$/.exec(line)?.[1])
    .filter((heading) => heading !== undefined)
    .map((heading) => {
      const words = heading.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase()
      const anchor = words.replaceAll(/[^\p{L}\p{N}\s_-]/gu, '').replaceAll(/\s/g, '-')
      const count = seen.get(anchor) ?? 0
      seen.set(anchor, count + 1)
      return count === 0 ? anchor : `${anchor}-${count}`
    })
}
