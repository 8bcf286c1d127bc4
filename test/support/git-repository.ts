import { execFile } from 'node:child_process'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'

/** Content of a file: text or bytes, an executable file, a symbolic link, or `null` to remove it. */
export type GitTestFile =
  | string
  | Uint8Array
  | { readonly content: string | Uint8Array; readonly executable?: boolean }
  | { readonly symlink: string }
  | { readonly submodule: string }
  | null

export interface CommitOptions {
  /** Default: the branch that the repository was created with. */
  readonly branch?: string
  readonly message?: string
  /** Seconds since 1970; default: one more than the last commit. */
  readonly time?: number
}

/** A bare repository on disk, changed with plumbing only: a commit is one `git fast-import`. */
export class GitTestRepository {
  readonly path: string
  /** Where the test server serves it. */
  readonly url: string
  readonly branch: string
  #time = 1_700_000_000

  private constructor(path: string, url: string, branch: string) {
    this.path = path
    this.url = url
    this.branch = branch
  }

  static async create(
    path: string,
    url: string,
    options: { allowFilter: boolean; allowAnySha1InWant: boolean; branch: string },
  ): Promise<GitTestRepository> {
    await runGit(['init', '--quiet', '--bare', `--initial-branch=${options.branch}`, path])
    const repository = new GitTestRepository(path, url, options.branch)
    await repository.git('config', 'uploadpack.allowFilter', String(options.allowFilter))
    await repository.git('config', 'uploadpack.allowAnySHA1InWant', String(options.allowAnySha1InWant))
    return repository
  }

  /** Runs git in the repository and returns its output without the line end. */
  async git(...args: string[]): Promise<string> {
    return (await runGit(['-C', this.path, ...args])).trimEnd()
  }

  /** Commits changes on top of the branch and returns the commit's id. Files that are not named stay as they are. */
  async commit(
    files: { readonly [path: string]: GitTestFile } | Iterable<readonly [string, GitTestFile]>,
    options: CommitOptions = {},
  ): Promise<string> {
    const branch = options.branch ?? this.branch
    const parent = await this.head(branch)
    this.#time = options.time ?? this.#time + 1
    const message = Buffer.from(options.message ?? 'change')
    const parts: (string | Uint8Array)[] = [
      `commit refs/heads/${branch}\ncommitter Test <test@example.com> ${this.#time} +0000\ndata ${message.length}\n`,
      message,
      '\n',
      ...(parent === undefined ? [] : [`from ${parent}\n`]),
    ]
    const entries =
      Symbol.iterator in files ? (files as Iterable<readonly [string, GitTestFile]>) : Object.entries(files)
    for (const [path, file] of entries) parts.push(...fastImportChange(path, file))
    await runGit(['-C', this.path, 'fast-import', '--quiet', '--force', '--date-format=raw'], parts)
    const head = await this.head(branch)
    if (head === undefined) throw new Error('fast-import made no commit')
    return head
  }

  /** The commit that a branch (or any ref) stands at, undefined where there is none. */
  async head(branch: string = this.branch): Promise<string | undefined> {
    const name = branch.startsWith('refs/') ? branch : `refs/heads/${branch}`
    const output = await this.git('for-each-ref', '--format=%(objectname)', name)
    return output === '' ? undefined : output.split('\n')[0]
  }

  /** Tags a commit (default: the head), annotated when a message is given. */
  async tag(name: string, options: { commit?: string; message?: string } = {}): Promise<void> {
    const commit = options.commit ?? (await this.head()) ?? 'HEAD'
    const identity = ['-c', 'user.name=Test', '-c', 'user.email=test@example.com']
    const annotate = options.message === undefined ? [] : ['-a', '-m', options.message]
    await this.git(...identity, 'tag', ...annotate, name, commit)
  }

  /** Creates a branch at a commit (default: the head), or moves it there. */
  async setBranch(name: string, commit?: string): Promise<void> {
    await this.git('update-ref', `refs/heads/${name}`, commit ?? (await this.head()) ?? 'HEAD')
  }

  /** Writes any object, also one that Git itself would not make, and returns its id. */
  async writeObject(type: 'blob' | 'tree' | 'commit' | 'tag', data: string | Uint8Array): Promise<string> {
    return (await runGit(['-C', this.path, 'hash-object', '-t', type, '-w', '--stdin', '--literally'], [data])).trim()
  }

  /** Writes a tree from lines of `git ls-tree` and returns its id. */
  async makeTree(lines: string): Promise<string> {
    return (await runGit(['-C', this.path, 'mktree'], [lines])).trim()
  }

  /** Id of any object: `HEAD:path`, `main^{tree}`. */
  async revParse(expression: string): Promise<string> {
    return this.git('rev-parse', expression)
  }
}

function fastImportChange(path: string, file: GitTestFile): (string | Uint8Array)[] {
  const name = /^[A-Za-z0-9._/-]+$/.test(path) ? path : `"${quote(path)}"`
  if (file === null) return [`D ${name}\n`]
  if (typeof file === 'string' || file instanceof Uint8Array) return inline('100644', name, file)
  if ('symlink' in file) return inline('120000', name, file.symlink)
  if ('submodule' in file) return [`M 160000 ${file.submodule} ${name}\n`]
  return inline(file.executable === true ? '100755' : '100644', name, file.content)
}

function inline(mode: string, name: string, content: string | Uint8Array): (string | Uint8Array)[] {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content
  return [`M ${mode} inline ${name}\ndata ${bytes.length}\n`, bytes, '\n']
}

function quote(path: string): string {
  return path.replace(/["\\]/g, '\\$&').replaceAll('\n', '\\n')
}

/** Runs git without the user's configuration and returns what it printed. */
export async function runGit(args: readonly string[], input?: readonly (string | Uint8Array)[]): Promise<string> {
  const env = {
    PATH: process.env['PATH'] ?? '',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    HOME: '/nonexistent',
  }
  const output = Promise.withResolvers<string>()
  const child = execFile('git', args, { env, maxBuffer: 1 << 28 }, (error, stdout, stderr) => {
    if (error === null) output.resolve(stdout)
    else output.reject(new Error(`git ${args.slice(0, 6).join(' ')}: ${stderr.slice(0, 2000)}`))
  })
  if (input !== undefined && child.stdin !== null) {
    // Git may end before it has read everything; its exit code and message say more than the broken pipe.
    await pipeline(Readable.from(input), child.stdin).catch(() => undefined)
  }
  return output.promise
}
