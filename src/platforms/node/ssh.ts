import { lookup as resolveName } from 'node:dns'
import { once } from 'node:events'
import { connect as connectSocket, type LookupFunction, type Socket } from 'node:net'
import type { Client, ClientChannel, ConnectConfig } from 'ssh2'
import type { EgressPolicy } from '../../base/index.ts'
import { EngineError, checkEgress, isEngineError } from '../../base/index.ts'
import type { SshChannel, SshClient, SshCommand } from '../../ports/index.ts'
import { guardedLookup } from './guarded-lookup.ts'

/** An SshClient that owns connections; `close` ends them. */
export interface NodeSshClient extends SshClient {
  close(): void
}

/** How long a connection without a command is kept: the requests of one fetch follow each other at once. */
const idleMs = 5000

const maxConnections = 32

/** Bytes of what a command prints as errors that are kept. */
const maxErrorText = 2000

interface Connection {
  readonly client: Client
  readonly hostKey: Uint8Array
  /** Commands that run, or are being started. */
  users: number
  isClosing: boolean
  timer?: ReturnType<typeof setTimeout>
}

/**
 * The SshClient of Node, by the library ssh2, which is loaded with the first command. Connections are kept for a moment and shared by commands of the same user, key and host; a kept
 * connection is judged again by the known hosts of whoever wants to use it. Every address that a name resolves to is judged by the egress policy.
 */
export function createNodeSshClient(
  options: { readonly egress?: EgressPolicy; readonly resolveName?: typeof resolveName } = {},
): NodeSshClient {
  const policy = options.egress ?? {}
  const lookup = guardedLookup(policy, options.resolveName ?? resolveName)
  const connections = new Map<string, Promise<Connection>>()

  const forget = (key: string, connection: Promise<Connection>): void => {
    if (connections.get(key) === connection) connections.delete(key)
  }
  const connectionFor = async (command: SshCommand): Promise<Connection> => {
    const { host, port, user, identity, passphrase } = command
    const key = JSON.stringify([host, port, user, identity, passphrase])
    const known = await connections.get(key)?.catch(() => undefined)
    if (known?.isClosing === false && command.acceptsHostKey(known.hostKey)) return known
    const fresh = openConnection(command, lookup)
    connections.set(key, fresh)
    const oldest = connections.entries().next().value
    // A connection that is pushed out ends when its commands do.
    if (connections.size > maxConnections && oldest !== undefined) connections.delete(oldest[0])
    try {
      const connection = await fresh
      connection.client.once('close', () => {
        connection.isClosing = true
        forget(key, fresh)
      })
      return connection
    } catch (error) {
      forget(key, fresh)
      throw error
    }
  }
  const release = (connection: Connection): void => {
    if (--connection.users > 0) return
    connection.timer = setTimeout(() => {
      connection.isClosing = true
      connection.client.end()
    }, idleMs)
    connection.timer.unref()
  }

  return {
    async open(command: SshCommand): Promise<SshChannel> {
      checkEgress(new URL(`https://${command.host}:${command.port}`), policy)
      try {
        command.signal.throwIfAborted()
        const connection = await connectionFor(command)
        clearTimeout(connection.timer)
        connection.users++
        try {
          return toChannel(await start(connection.client, command), command.signal, () => release(connection))
        } catch (error) {
          release(connection)
          throw error
        }
      } catch (error) {
        throw toSshError(error, command)
      }
    },
    close(): void {
      for (const connection of connections.values()) {
        void connection.then(
          ({ client }) => client.end(),
          () => undefined,
        )
      }
      connections.clear()
    },
  }
}

async function openConnection(command: SshCommand, lookup: LookupFunction): Promise<Connection> {
  const { default: ssh } = await import('ssh2')
  const { host, port, signal } = command
  const socket = await openSocket(host.replace(/^\[|\]$/g, ''), port, lookup, signal)
  const client = new ssh.Client()
  const ready = Promise.withResolvers<void>()
  let hostKey: Uint8Array | undefined
  let isRefused = false
  const onAbort = (): void => {
    socket.destroy()
    ready.reject(signal.reason as Error)
  }
  signal.addEventListener('abort', onAbort, { once: true })
  client.once('ready', ready.resolve)
  client.on('error', (error) => ready.reject(isRefused ? hostKeyError(command) : error))
  client.once('close', () => ready.reject(new Error('the host closed the connection')))
  try {
    client.connect({
      sock: socket,
      username: command.user,
      privateKey: command.identity,
      ...(command.passphrase === undefined ? {} : { passphrase: command.passphrase }),
      readyTimeout: 0,
      algorithms: { serverHostKey: [...command.hostKeyAlgorithms] } as NonNullable<ConnectConfig['algorithms']>,
      hostVerifier: (key: Buffer): boolean => {
        hostKey = Uint8Array.from(key)
        isRefused = !command.acceptsHostKey(hostKey)
        return !isRefused
      },
    })
    await ready.promise
    if (hostKey === undefined) throw hostKeyError(command)
    return { client, hostKey, users: 0, isClosing: false }
  } catch (error) {
    client.end()
    socket.destroy()
    throw error
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

async function openSocket(host: string, port: number, lookup: LookupFunction, signal: AbortSignal): Promise<Socket> {
  const socket = connectSocket({ host, port, lookup, noDelay: true })
  try {
    await once(socket, 'connect', { signal })
    return socket
  } catch (error) {
    socket.destroy()
    throw error
  }
}

async function start(client: Client, command: SshCommand): Promise<ClientChannel> {
  const channel = Promise.withResolvers<ClientChannel>()
  const onAbort = (): void => channel.reject(command.signal.reason as Error)
  const onClose = (): void => channel.reject(new Error('the host closed the connection'))
  command.signal.addEventListener('abort', onAbort, { once: true })
  client.once('close', onClose)
  try {
    client.exec(command.command, command.env === undefined ? {} : { env: { ...command.env } }, (error, opened) => {
      if (error === undefined) channel.resolve(opened)
      else channel.reject(error)
    })
    return await channel.promise
  } finally {
    command.signal.removeEventListener('abort', onAbort)
    client.removeListener('close', onClose)
  }
}

function toChannel(channel: ClientChannel, signal: AbortSignal, onEnd: () => void): SshChannel {
  let errors = ''
  channel.stderr.on('data', (part: Buffer) => {
    if (errors.length < maxErrorText) errors += part.toString('utf8').slice(0, maxErrorText - errors.length)
  })
  // Reported to whoever reads the output.
  channel.on('error', () => undefined)
  const onAbort = (): void => void channel.destroy()
  signal.addEventListener('abort', onAbort, { once: true })
  channel.once('close', () => {
    signal.removeEventListener('abort', onAbort)
    onEnd()
  })
  return {
    finish: async (input) => {
      const done = Promise.withResolvers<void>()
      channel.once('close', done.resolve)
      channel.end(Buffer.from(input.buffer, input.byteOffset, input.length), () => done.resolve())
      await done.promise
    },
    output: readOutput(channel),
    errorText: () => errors,
    close: () => {
      channel.close()
    },
  }
}

async function* readOutput(channel: ClientChannel): AsyncGenerator<Uint8Array> {
  for await (const part of channel as AsyncIterable<Buffer>) {
    yield new Uint8Array(part.buffer, part.byteOffset, part.length)
  }
}

function hostKeyError(command: SshCommand): EngineError {
  return new EngineError(
    `the host key of ${command.host} is not the one in known_hosts; if it was changed on purpose, put the new one there`,
    { code: 'ssh-host-key', disposition: 'retry' },
  )
}

/** What ssh2 says about a private key may quote it, so its words are not used there. */
function toSshError(error: unknown, command: SshCommand): EngineError {
  if (isEngineError(error)) return error
  const at = `${command.host}:${command.port}`
  const retry = { disposition: 'retry', cause: error } as const
  if (command.signal.aborted) {
    return new EngineError(`no answer from ${at} in time`, { code: 'ssh-aborted', ...retry })
  }
  const { message, level, code } = error as Error & { level?: string; code?: unknown }
  if (/privateKey|passphrase/i.test(message)) {
    return new EngineError(
      'the private key cannot be read: its form is unknown, or its passphrase is wrong or missing',
      {
        code: 'ssh-identity',
        disposition: 'retry',
      },
    )
  }
  if (level === 'client-authentication') {
    return new EngineError(`${at} refused the key of user ${command.user}`, { code: 'ssh-authentication', ...retry })
  }
  const why =
    typeof code === 'string' ? `: ${code}` : level === 'handshake' ? ': no common algorithm or host key type' : ''
  return new EngineError(`no answer from ${at}${why}`, { code: 'ssh-unreachable', ...retry })
}
