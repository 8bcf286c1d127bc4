import { configError } from '../errors.ts'

/** A repository at a forge. */
export interface Repository {
  /** `https://host`, without a path. */
  readonly host: string
  /** `owner/name`, without `.git`. */
  readonly id: string
}

/** The repository that a Provider's address names: a URL, or the short form of SSH (`git@host:owner/name`). Its API is asked over https where the address is one of SSH. @throws EngineError `notify-config`. */
export function parseRepository(address: string): Repository {
  const short = /^(?:[\w.-]+@)?([\w.-]+):(?!\/\/)\/?(.+)$/.exec(address)
  if (short?.[1] !== undefined && short[2] !== undefined) return { host: `https://${short[1]}`, id: idOf(short[2]) }
  const url = URL.canParse(address) ? new URL(address) : undefined
  if (url === undefined || !/^(?:https?|ssh|git\+ssh):$/.test(url.protocol))
    throw configError("the Provider's address is no URL of a repository (https://host/owner/name)")
  // A port of SSH is none of the API.
  const host = url.protocol.startsWith('http') ? `${url.protocol}//${url.host}` : `https://${url.hostname}`
  return { host, id: idOf(decodeURIComponent(url.pathname)) }
}

function idOf(path: string): string {
  return path
    .replace(/^\/+/, '')
    .replace(/\/+$/, '')
    .replace(/\.git$/, '')
}

/** `owner` and `name` of a repository. @throws EngineError `notify-config` where its path has more or fewer parts. */
export function ownerAndName(repository: Repository): readonly [owner: string, name: string] {
  const [owner = '', name = '', ...rest] = repository.id.split('/')
  if (owner === '' || name === '' || rest.length > 0)
    throw configError("the Provider's address names no repository: it ends in <owner>/<name>")
  return [encodeURIComponent(owner), encodeURIComponent(name)]
}
