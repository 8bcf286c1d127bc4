import { printUrl } from '../base/index.ts'
import type { Run } from '../coordinator/index.ts'

/** Where the pages of a commit are at each forge, below that of its repository. */
const commitPaths: { readonly [provider: string]: string } = {
  github: '/commit/',
  gitlab: '/-/commit/',
  gitea: '/commit/',
  forgejo: '/commit/',
  bitbucket: '/commits/',
}

/**
 * The page of a commit at the forge that told of its push; undefined where there is none that is known. Addresses in a delivery are somebody's words: only http and https lead
 * anywhere, without credentials, and nothing but a commit is put behind them.
 */
export function forgeCommitUrl(push: Run['push'], commit: string): string | undefined {
  const path = push !== undefined && Object.hasOwn(commitPaths, push.provider) ? commitPaths[push.provider] : undefined
  if (push === undefined || path === undefined || !/^[0-9a-f]{40,64}$/.test(commit)) return undefined
  const known = push.urls.filter((one) => URL.canParse(one)).map((one) => new URL(one))
  const web = known.find(({ protocol }) => protocol === 'https:' || protocol === 'http:')
  if (web === undefined || web.hostname === '') return undefined
  web.search = ''
  web.hash = ''
  return `${printUrl(web.href)
    .replace(/\/+$/, '')
    .replace(/\.git$/, '')}${path}${commit}`
}
