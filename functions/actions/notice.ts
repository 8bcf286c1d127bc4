import type { Notice } from '../../src/ui/index.ts'
import type { FunctionDeps } from '../deps.ts'
import { open, seal } from '../session.ts'

/** Milliseconds that a notice may be shown: a link that is kept tells nothing later. */
const shownMs = 10 * 60_000
const maxLength = 1_500

/** A page's path with what came of an action. It is sealed, so that no link can make a page say something. */
export async function withNotice(deps: FunctionDeps, path: string, notice: Notice): Promise<string> {
  const value = { ...notice, text: notice.text.slice(0, maxLength), until: deps.clock.now() + shownMs }
  return `${path}?said=${encodeURIComponent(await seal(deps.config, 'notice', value))}`
}

/** What came of the action before, where a request says so and it is ours. */
export async function noticeOf(deps: FunctionDeps, request: Request): Promise<Notice | undefined> {
  const said = new URL(request.url).searchParams.get('said')
  const { isProblem, text, run, link, until } =
    (said === null ? undefined : await open(deps.config, 'notice', said)) ?? {}
  if (typeof text !== 'string' || typeof until !== 'number' || until < deps.clock.now()) return undefined
  return {
    isProblem: isProblem === true,
    text,
    ...(typeof run === 'string' ? { run } : {}),
    ...(isLink(link) ? { link } : {}),
  }
}

function isLink(value: unknown): value is NonNullable<Notice['link']> {
  if (typeof value !== 'object' || value === null) return false
  const { url, text } = value as Partial<NonNullable<Notice['link']>>
  return typeof url === 'string' && typeof text === 'string'
}
