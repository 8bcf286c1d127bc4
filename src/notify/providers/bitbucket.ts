import { sha1 } from '@noble/hashes/legacy.js'
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js'
import { configError } from '../errors.ts'
import { statusProvider, latestOf, type StatusApi, type StatusState } from '../forge/commit-status.ts'
import { ownerAndName, parseRepository } from '../forge/repository.ts'
import { basic, postJson } from '../provider.ts'
import type { Target } from '../types.ts'

/** Bitbucket's words, in the cloud and on servers. */
export const buildStates = { pending: 'INPROGRESS', success: 'SUCCESSFUL', failure: 'FAILED' } as const satisfies {
  readonly [state in StatusState]: string
}

/** Keys of build statuses have at most 40 characters, as many as a SHA-1 in hex. */
export function buildKey(context: string): string {
  return bytesToHex(sha1(utf8ToBytes(context)))
}

/** Build statuses of Bitbucket Cloud (developer.atlassian.com/cloud/bitbucket/rest, commit statuses). */
export const bitbucketStatuses: StatusApi = {
  headers: (_target, token) => {
    const [user = '', password = '', ...rest] = token.split(':')
    if (user === '' || password === '' || rest.length > 0)
      throw configError('token of the Secret of a Provider of type bitbucket is <user>:<password>')
    return basic(user, password)
  },
  list: (target, { commit, context }) => ({
    method: 'GET',
    url: `${statusesOf(target, commit)}/${buildKey(context)}`,
    headers: {},
  }),
  latest: (answer) =>
    latestOf([(answer ?? {}) as { readonly [name: string]: unknown }], { isSame: () => true, state: 'state' }),
  create: (target, { commit, state, context, name, description, url }) =>
    postJson(statusesOf(target, commit), {
      description,
      key: buildKey(context),
      name,
      state: buildStates[state],
      url: url ?? 'https://bitbucket.org',
    }),
  stateName: (state) => buildStates[state],
}

/** Bitbucket Cloud: the event's commit gets a build status. */
export const bitbucket = statusProvider(bitbucketStatuses)

function statusesOf(target: Target, commit: string): string {
  const [owner, name] = ownerAndName(parseRepository(target.address))
  return `https://api.bitbucket.org/2.0/repositories/${owner}/${name}/commit/${commit}/statuses/build`
}
