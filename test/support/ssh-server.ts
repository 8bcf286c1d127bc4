import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import ssh from 'ssh2'

/** A key pair by ssh-keygen. */
export interface TestSshKey {
  readonly identity: string
  /** One line, as in `authorized_keys`. */
  readonly publicKey: string
}

/** Makes a key pair with the system's ssh-keygen. */
export function makeSshKey(type: 'ed25519' | 'rsa' | 'ecdsa', passphrase = '', format?: 'PEM'): TestSshKey {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-ssh-'))
  try {
    const bits = type === 'rsa' ? ['-b', '2048'] : type === 'ecdsa' ? ['-b', '384'] : []
    const form = format === undefined ? [] : ['-m', format]
    const file = join(directory, 'key')
    execFileSync('ssh-keygen', ['-q', '-t', type, ...bits, ...form, '-N', passphrase, '-C', 'test', '-f', file])
    return { identity: readFileSync(file, 'utf8'), publicKey: readFileSync(`${file}.pub`, 'utf8').trim() }
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

export interface TestSshServerOptions {
  /** Folder that repository paths start from. */
  readonly root: string
  readonly hostKeys: readonly TestSshKey[]
  readonly authorizedKeys: readonly TestSshKey[]
  /** Sets the variables that clients ask for, as `AcceptEnv GIT_PROTOCOL` does. Default true. */
  readonly acceptEnv?: boolean
  /** What a command does in place of upload-pack. */
  readonly answer?: (command: string) => { readonly stdout?: string; readonly stderr?: string } | undefined
}

/** An SSH server on 127.0.0.1 that runs the system's `git-upload-pack`, and nothing else. */
export class TestSshServer {
  connections = 0
  readonly commands: string[] = []
  readonly users: string[] = []
  readonly #server: InstanceType<typeof ssh.Server>
  readonly #clients = new Set<{ end(): unknown }>()
  #options: TestSshServerOptions

  private constructor(options: TestSshServerOptions) {
    this.#options = options
    const hostKeys = options.hostKeys.map(({ identity }) => identity)
    this.#server = new ssh.Server({ hostKeys }, (client) => this.#serve(client))
  }

  static async start(options: TestSshServerOptions): Promise<TestSshServer> {
    const server = new TestSshServer(options)
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve))
    return server
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** A `known_hosts` line for this server. */
  knownHosts(key: TestSshKey): string {
    return `[127.0.0.1]:${this.port} ${key.publicKey}\n`
  }

  set answer(answer: TestSshServerOptions['answer']) {
    const { answer: _, ...rest } = this.#options
    this.#options = answer === undefined ? rest : { ...rest, answer }
  }

  async close(): Promise<void> {
    for (const client of this.#clients) client.end()
    await new Promise<void>((resolve) => this.#server.close(() => resolve()))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #serve(client: ssh.Connection): void {
    this.connections++
    this.#clients.add(client)
    client.on('close', () => this.#clients.delete(client))
    client.on('error', () => undefined)
    client.on('authentication', (context) => {
      if (context.method !== 'publickey' || !this.#isAuthorized(context)) {
        context.reject(['publickey'])
        return
      }
      // Clients ask first whether a key would do, and sign then.
      if (context.signature !== undefined) this.users.push(context.username)
      context.accept()
    })
    client.on('session', (accept) => {
      const session = accept()
      const env: { [name: string]: string } = {}
      session.on('env', (acceptEnv, reject, info) => {
        if (this.#options.acceptEnv === false) {
          reject?.()
          return
        }
        env[info.key] = info.val
        acceptEnv?.()
      })
      session.on('exec', (acceptExec, _, { command }) => {
        this.commands.push(command)
        this.#run(command, env, acceptExec())
      })
    })
  }

  #isAuthorized(context: ssh.PublicKeyAuthContext): boolean {
    return this.#options.authorizedKeys.some(({ publicKey }) => {
      const key = ssh.utils.parseKey(publicKey)
      if (key instanceof Error || !key.getPublicSSH().equals(context.key.data)) return false
      if (context.signature === undefined || context.blob === undefined) return true
      return key.verify(context.blob, context.signature, context.hashAlgo) === true
    })
  }

  #run(command: string, env: { readonly [name: string]: string }, channel: ssh.ServerChannel): void {
    const answer = this.#options.answer?.(command)
    const path = /^git-upload-pack '([^']*)'$/.exec(command)?.[1]
    if (answer !== undefined || path === undefined) {
      channel.stderr.write(answer?.stderr ?? 'no such command')
      channel.write(answer?.stdout ?? '')
      channel.exit(1)
      channel.end()
      return
    }
    const child = spawn('git', ['upload-pack', join(this.#options.root, path)], {
      env: { PATH: process.env['PATH'] ?? '', GIT_CONFIG_NOSYSTEM: '1', HOME: this.#options.root, ...env },
    })
    channel.pipe(child.stdin)
    child.stdin.on('error', () => child.stdin.destroy())
    child.stdout.pipe(channel, { end: false })
    child.stderr.pipe(channel.stderr, { end: false })
    channel.on('close', () => child.kill())
    child.on('close', (code) => {
      channel.exit(code ?? 1)
      channel.end()
    })
  }
}
