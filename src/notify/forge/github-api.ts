import { configError } from '../errors.ts'
import type { Target } from '../types.ts'
import { ownerAndName, parseRepository } from './repository.ts'

/** Base of the API for a repository: `https://api.github.com/repos/<owner>/<name>`, or below `/api/v3` of a server of one's own. @throws EngineError `notify-config`. */
export function gitHubRepositoryApi(address: string): string {
  const repository = parseRepository(address)
  const [owner, name] = ownerAndName(repository)
  return `${gitHubApi(repository.host)}/repos/${owner}/${name}`
}

/** Base of the API of a host. */
export function gitHubApi(host: string): string {
  const { hostname } = new URL(host)
  if (hostname === 'github.com') return 'https://api.github.com'
  return hostname.startsWith('api.') || hostname.includes('.api.') ? host : `${host}/api/v3`
}

/** Headers of every request. @throws EngineError `notify-config` without a token. */
export function gitHubHeaders(_target: Target, token: string): { readonly [name: string]: string } {
  if (token === '') throw configError('the Secret of the Provider needs a token of GitHub, or the keys of a GitHub App')
  return { accept: 'application/vnd.github+json', 'user-agent': 'sluice', authorization: `Bearer ${token}` }
}
