import { plain } from '../scrub.ts'

/** Letters that could mean something to Markdown or HTML; as character references they never do (CommonMark 0.31, 2.5). */
const special = /[&<>"'`*_~[\]()!|\\#{}+=:^$-]/g
/** An invisible letter that parts what forges would take for a mention, a reference or a link after Markdown is done. */
const gap = '&#8203;'

/**
 * A text of others for the running text of a Markdown comment: one line, no markup, no HTML, no mention, no reference, no link.
 */
export function escapeMarkdown(text: string): string {
  return plain(text)
    .replaceAll(/\s+/g, ' ')
    .replaceAll(special, (letter) => `&#${letter.charCodeAt(0)};`)
    .replaceAll('@', `&#64;${gap}`)
    .replaceAll(/&#35;(?=\w)/g, `&#35;${gap}`)
    .replaceAll(/&#33;(?=\w)/g, `&#33;${gap}`)
    .replaceAll(/&#58;(?=\/\/)/g, `&#58;${gap}`)
    .replaceAll(/\b(www|GH|gh)(?=[.&])/gi, `$1${gap}`)
}

/** A text of others as code, in which forges look for nothing. */
export function codeText(text: string): string {
  return `<code>${escapeMarkdown(text)}</code>`
}

/** A fenced block that nothing in it can end. */
export function fenced(text: string, language: 'diff' | 'text'): string {
  // A marker of ours that somebody writes into a value must not be taken for one.
  const content = plain(text).replaceAll('<!--', '<!\u200b--')
  const longest = Math.max(2, ...(content.match(/`+/g) ?? []).map((run) => run.length))
  const fence = '`'.repeat(longest + 1)
  return `${fence}${language}\n${content}\n${fence}\n`
}

/** A link to a page of ours; undefined for what is no address of the web. */
export function linkTo(text: string, url: string): string | undefined {
  if (!URL.canParse(url)) return undefined
  const { href, protocol } = new URL(url)
  if (protocol !== 'https:' && protocol !== 'http:') return undefined
  const address = href.replaceAll(
    /[<>()"'`\\[\]*_@|\s]/g,
    (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
  )
  return `[${text}](${address})`
}

/** Bytes of a text in UTF-8. */
export function byteLength(text: string): number {
  return new TextEncoder().encode(text).length
}
