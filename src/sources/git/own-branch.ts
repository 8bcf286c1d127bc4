import { concatBytes, printUrl, type EngineError } from '../../base/index.ts'
import { drain, type SourceResponse } from '../request.ts'
import { writePack, type NewCommits } from './commit-pack.ts'
import type { GitCredentials } from './credentials.ts'
import { gitError } from './errors.ts'
import { fetchVersion1 } from './isomorphic.ts'
import { parseCommit, type GitCommit } from './objects.ts'
import { encodePackets, packetText, readPackets } from './pkt-line.ts'
import { gitAgent } from './protocol.ts'
import { GitRemote, type GitDeps } from './remote.ts'

/** A branch that only programs write: its history is replaced, and it is deleted. */
export interface OwnBranch {
  /** What it stands at; undefined where there is none. */
  readonly tip: string | undefined
  /** The commit at the tip; undefined where there is none. */
  readonly readTip: () => Promise<GitCommit | undefined>
  /**
   * Has it stand at the last of these commits instead. Refused where it has moved since it was looked at.
   *
   * @throws EngineError `git-push-refused` (`retry`), `git-authentication`, those of the Git client.
   */
  readonly replace: (commits: NewCommits) => Promise<void>
  /** Deletes it, unless it has moved since it was looked at. @throws as `replace`. */
  readonly delete: () => Promise<void>
}

const nothing = '0'.repeat(40)
/** Bytes of an answer to a push: a line or two. */
const maxAnswerBytes = 64 * 1024

/**
 * Looks at a branch over HTTP(S), to replace or delete it. Nothing of the repository is fetched but the branch's last commit, and that only where it is asked for. The server is told what the branch is to stand at before it is
 * written, so that nobody else's push in between is lost.
 *
 * @throws EngineErrors as the rest of the Git client; `git-unsupported` for another scheme than http(s).
 */
export async function openOwnBranch(
  deps: GitDeps,
  options: {
    readonly url: string
    readonly branch: string
    readonly credentials: GitCredentials
    readonly signal?: AbortSignal
  },
): Promise<OwnBranch> {
  const { url, branch, credentials, signal } = options
  const remote = new GitRemote(deps, { url, credentials, ...(signal === undefined ? {} : { signal }) })
  if (!remote.url.protocol.startsWith('http'))
    throw gitError('writing to a repository is possible over http and https only', { code: 'git-unsupported' })
  const ref = `refs/heads/${branch}`
  const tip = (await remote.listRefs([ref])).find(({ name }) => name === ref)?.id
  const command = (to: string, pack?: Uint8Array): Promise<void> =>
    send(remote, { ref, from: tip ?? nothing, to, pack })
  return {
    tip,
    readTip: async () => {
      if (tip === undefined) return undefined
      const { capabilities } = await remote.server()
      const objects =
        capabilities.version === 1
          ? await fetchVersion1(remote, deps.limits, tip, ref)
          : await remote.fetchObjects({
              wants: [tip],
              depth: 1,
              ...((await remote.hasFilter()) ? { filter: 'tree:0' } : {}),
            })
      const object = objects.get(tip)
      return object?.type === 'commit' ? parseCommit(object.data) : undefined
    },
    replace: ({ ids, objects }) => command(ids.at(-1) ?? nothing, writePack(objects)),
    delete: () => (tip === undefined ? Promise.resolve() : command(nothing)),
  }
}

/** One command of gitprotocol-pack, "Pushing Data To a Server". */
async function send(
  remote: GitRemote,
  push: { readonly ref: string; readonly from: string; readonly to: string; readonly pack: Uint8Array | undefined },
): Promise<void> {
  const { ref, from, to, pack } = push
  const { base } = await remote.server()
  const capabilities = ['report-status', ...(pack === undefined ? ['delete-refs'] : []), `agent=${gitAgent}`]
  const line = `${from} ${to} ${ref}\0 ${capabilities.join(' ')}`
  const response = await remote.send({
    method: 'POST',
    url: new URL(`${base}/git-receive-pack`),
    headers: {
      'user-agent': gitAgent,
      'content-type': 'application/x-git-receive-pack-request',
      accept: 'application/x-git-receive-pack-result',
    },
    body: concatBytes([encodePackets([line, { special: 'flush' }]), ...(pack === undefined ? [] : [pack])]),
  })
  if (response.status !== 200) {
    await drain(response)
    throw statusError(remote, response.status)
  }
  const lines = await answerLines(response)
  if (lines.includes('unpack ok') && lines.includes(`ok ${ref}`)) return
  throw gitError(`${printUrl(remote.url)} refuses the push: the branch has moved, or it is protected`, {
    code: 'git-push-refused',
    disposition: 'retry',
  })
}

async function answerLines({ body }: SourceResponse): Promise<readonly string[]> {
  const lines: string[] = []
  if (body === null) return lines
  let bytes = 0
  for await (const packet of readPackets(body)) {
    if (packet.kind !== 'data') continue
    bytes += packet.data.length
    if (bytes > maxAnswerBytes) break
    lines.push(packetText(packet.data))
  }
  return lines
}

function statusError(remote: GitRemote, status: number): EngineError {
  const at = printUrl(remote.url)
  if (status === 401 || status === 403 || status === 404)
    return gitError(`${at} refuses the push: the token needs the right to write the contents of the repository`, {
      code: 'git-authentication',
      data: { status },
    })
  return gitError(`${at} answered the push with status ${status}`, {
    code: 'git-http-status',
    disposition: 'retry',
    data: { status },
  })
}
