import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { GitTestRepository } from './git-repository.ts'

/** An armored public PGP key with the id of its primary key (16 upper-case hex digits). */
export interface TestPgpKey {
  readonly armored: string
  readonly id: string
}

/** Signs with the real git, gpg and ssh-keygen, in a home of its own. */
export class GitSigner {
  readonly home: string = mkdtempSync(join(tmpdir(), 'sluice-sign-'))
  readonly #env: { readonly [name: string]: string }

  constructor() {
    const gnupg = join(this.home, 'gnupg')
    mkdirSync(gnupg)
    chmodSync(gnupg, 0o700)
    this.#env = {
      PATH: process.env['PATH'] ?? '',
      HOME: this.home,
      GNUPGHOME: gnupg,
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_CONFIG_GLOBAL: '/dev/null',
    }
  }

  run(command: string, ...args: string[]): string {
    return execFileSync(command, args, { env: this.#env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
  }

  pgpKey(name: string, algorithm: string): TestPgpKey {
    const make = ['--batch', '--passphrase', '', '--quick-generate-key', `${name} <${name}@example.com>`]
    this.run('gpg', ...make, algorithm, 'sign', 'never')
    const armored = this.run('gpg', '--armor', '--export', `${name}@example.com`)
    const colons = this.run('gpg', '--with-colons', '--list-keys', `${name}@example.com`)
    return { armored, id: /^pub:(?:[^:]*:){3}([0-9A-F]{16}):/m.exec(colons)?.[1] ?? '' }
  }

  /** Runs git in a repository with a signing key: the id of a PGP key, or the file of an SSH key. */
  git(repository: GitTestRepository, key: string, format: 'openpgp' | 'ssh', ...args: string[]): string {
    const config = ['user.name=Test', 'user.email=t@example.com', `gpg.format=${format}`, `user.signingkey=${key}`]
    return this.run('git', '-C', repository.path, ...config.flatMap((one) => ['-c', one]), ...args).trim()
  }

  close(): void {
    this.run('gpgconf', '--kill', 'all')
    rmSync(this.home, { recursive: true, force: true, maxRetries: 3 })
  }
}
