import type { SshChannel, SshClient } from '../../ports/index.ts'
import type { SourceResponse } from '../request.ts'
import type { SshCredentials } from './credentials.ts'
import { gitDataError, gitError, gitTooLarge, gitUnsupported } from './errors.ts'
import { knownHostKeys } from './known-hosts.ts'

/** A request of smart HTTP that is carried over SSH. */
export interface SshRequest {
  readonly method: 'GET' | 'POST'
  /** `ssh://host[:port]/path` with `/info/refs` or `/git-upload-pack` at its end. */
  readonly url: URL
  readonly headers: { readonly [name: string]: string }
  readonly body?: Uint8Array
  readonly credentials: SshCredentials | undefined
  readonly signal: AbortSignal
}

const defaultPort = 22

/** Largest list of references before the answer to a command; `GitLimits.maxRefsBytes` bounds it where it is the answer. */
const maxSkipped = 32 << 20

/**
 * Runs `git-upload-pack` at the host and gives its answer the form that smart HTTP has, so that everything above is one: a GET is the list of capabilities, a POST one command (protocol v2), or one
 * request with all it wants and `done` (version 1). Each is a command of its own on a connection that the platform keeps.
 *
 * Throws EngineError with reason `GitOperationFailed`: `git-unsupported` without an SSH client, `git-authentication` for a host that known_hosts does not list, or a refused key.
 */
export async function sendOverSsh(client: SshClient | undefined, request: SshRequest): Promise<SourceResponse> {
  const { url, body } = request
  const type = body === undefined ? 'advertisement' : 'result'
  const channel = await open(client, request)
  const session = { channel, output: channel.output[Symbol.asyncIterator]() }
  const answer = body === undefined ? advertisement(session) : result(session, body)
  return {
    url,
    status: 200,
    headers: { 'content-type': `application/x-git-upload-pack-${type}` },
    body: toStream(answer, () => channel.close()),
  }
}

async function open(client: SshClient | undefined, request: SshRequest): Promise<SshChannel> {
  const { url, credentials, headers, signal } = request
  if (client === undefined) {
    throw gitUnsupported('a Git repository over SSH on this platform', 'use its https:// URL with a token')
  }
  if (credentials === undefined) {
    throw gitError(`${url.host} needs a key: name a Secret with identity and known_hosts in spec.secretRef`, {
      code: 'git-authentication',
      disposition: 'retry',
    })
  }
  const host = url.hostname
  const port = url.port === '' ? defaultPort : Number(url.port)
  const keys = knownHostKeys(credentials.knownHosts, host, port)
  if (keys.algorithms.length === 0) {
    throw gitError(`known_hosts has no key for ${url.host} that can be used: add the line that ssh-keyscan prints`, {
      code: 'git-unknown-host',
      disposition: 'retry',
    })
  }
  const { user, identity, passphrase } = credentials
  const protocol = headers['git-protocol']
  return client.open({
    host,
    port,
    user,
    identity,
    ...(passphrase === undefined ? {} : { passphrase }),
    command: `git-upload-pack ${quote(repositoryPath(url))}`,
    ...(protocol === undefined ? {} : { env: { GIT_PROTOCOL: protocol } }),
    hostKeyAlgorithms: keys.algorithms,
    acceptsHostKey: (key) => keys.accepts(key),
    signal,
  })
}

/** The path as the remote shell should see it: `/~user/x` is a home directory (git-clone(1), GIT URLS). */
function repositoryPath(url: URL): string {
  const path = decodeURIComponent(url.pathname).replace(/\/(info\/refs|git-upload-pack)$/, '')
  if (/\p{Cc}/u.test(path)) throw gitError('the path of spec.url has control characters', { code: 'git-invalid-url' })
  return path.startsWith('/~') ? path.slice(1) : path
}

/** One word for a POSIX shell. */
function quote(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`
}

/** A running command with its output, which is read in several steps. */
interface Session {
  readonly channel: SshChannel
  readonly output: AsyncIterator<Uint8Array>
}

async function* advertisement(session: Session): AsyncGenerator<Uint8Array> {
  yield new TextEncoder().encode('001e# service=git-upload-pack\n0000')
  yield* untilFlush(session)
  // The host waits for a command after its list; a flush says that there is none.
  await session.channel.finish(new TextEncoder().encode('0000'))
  session.channel.close()
}

async function* result(session: Session, body: Uint8Array): AsyncGenerator<Uint8Array> {
  let skipped = 0
  for await (const part of untilFlush(session)) {
    skipped += part.length
    if (skipped > maxSkipped) throw gitTooLarge(`the host lists references of more than ${maxSkipped} bytes`)
  }
  await session.channel.finish(body)
  for (;;) {
    const next = await session.output.next()
    if (next.done === true) return
    yield next.value
  }
}

/** The bytes up to the first flush packet, where the host begins to wait. */
async function* untilFlush({ channel, output }: Session): AsyncGenerator<Uint8Array> {
  const boundary = new FlushFinder()
  for (let isFirst = true; ; isFirst = false) {
    const next = await output.next()
    if (next.done === true) throw endedEarly(channel, isFirst)
    const end = boundary.push(next.value)
    yield next.value
    if (end === undefined) continue
    if (end !== next.value.length) throw gitDataError('the host goes on after its list of capabilities')
    return
  }
}

/** Finds the end of the first flush packet in a stream of pkt-lines. */
class FlushFinder {
  /** Digits of a length that is not complete yet. */
  #digits = ''
  /** Bytes of the current packet that are still to come. */
  #left = 0

  /** The position after the flush packet, or undefined where it is not in this part. */
  push(part: Uint8Array): number | undefined {
    let at = 0
    while (at < part.length) {
      if (this.#left > 0) {
        const step = Math.min(this.#left, part.length - at)
        this.#left -= step
        at += step
        continue
      }
      this.#digits += String.fromCharCode(part[at++] as number)
      if (this.#digits.length < 4) continue
      if (!/^[0-9a-f]{4}$/i.test(this.#digits)) throw gitDataError('the answer does not speak the Git protocol')
      const length = Number.parseInt(this.#digits, 16)
      this.#digits = ''
      if (length === 0) return at
      this.#left = Math.max(0, length - 4)
    }
    return undefined
  }
}

function toStream(parts: AsyncGenerator<Uint8Array>, cancel: () => void): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller): Promise<void> {
        const next = await parts.next()
        if (next.done === true) controller.close()
        else controller.enqueue(next.value)
      },
      cancel,
    },
    { highWaterMark: 0 },
  )
}

/** A host that ends before it lists anything says why on the side, in words of its own: they may hold anything, so only their kind is shown. */
function endedEarly(channel: SshChannel, isEmpty: boolean): Error {
  const text = channel.errorText()
  if (!isEmpty) return gitDataError('the answer was cut off on the way')
  const isMissing = /not found|does not exist|not appear to be a git repository|no such/i.test(text)
  const isDenied = /denied|permission|not authori[sz]ed|access/i.test(text)
  return gitError(
    isMissing
      ? 'the host knows no such repository, or the key may not read it'
      : isDenied
        ? 'the host does not let this key read the repository'
        : 'the host ended the command without an answer',
    { code: isMissing ? 'git-not-found' : isDenied ? 'git-authentication' : 'git-connection', disposition: 'retry' },
  )
}
