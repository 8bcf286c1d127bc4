import assert from 'node:assert/strict'
import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { freePort } from '../../support/free-ports.ts'

const root = fileURLToPath(new URL('../../../', import.meta.url))
const containerfile = readFileSync(join(root, 'infra/container/Containerfile'), 'utf8')
const directory = mkdtempSync(join(tmpdir(), 'sluice-container-'))
const isRoot = process.getuid?.() === 0
let child: ChildProcess | undefined

after(() => {
  child?.kill('SIGKILL')
  rmSync(directory, { recursive: true, force: true })
})

interface Stage {
  readonly name: string
  readonly image: string
  readonly steps: readonly { readonly verb: string; readonly rest: string }[]
}

/** The file's stages and steps; comments and empty lines left out. */
const stages: readonly Stage[] = containerfile
  .split('\n')
  .filter((line) => line.trim() !== '' && !line.startsWith('#'))
  .reduce<{ name: string; image: string; steps: { verb: string; rest: string }[] }[]>((found, line) => {
    const [, verb = '', rest = ''] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? []
    if (verb === 'FROM') {
      const [image = '', , name = ''] = rest.split(' ')
      return [...found, { name, image, steps: [] }]
    }
    found.at(-1)?.steps.push({ verb, rest })
    return found
  }, [])

function valuesOf(stage: Stage | undefined, verb: string): readonly string[] {
  return (stage?.steps ?? []).filter((step) => step.verb === verb).map(({ rest }) => rest)
}

const environmentOf = (stage: Stage | undefined): { readonly [name: string]: string } =>
  Object.fromEntries(
    valuesOf(stage, 'ENV').flatMap((line) => line.split(' ').map((pair) => pair.split('=') as [string, string])),
  )

/**
 * Does what an engine does with a stage, with folders in place of file systems: COPY from the context (what .dockerignore lets in) or from an
 * earlier stage, RUN in its working directory. Two things are replaced, since neither is ours: `npm ci` by the packages that are installed
 * here, and the ownership of a folder.
 */
function build(stage: Stage, folders: { readonly [name: string]: string }, folder: string): void {
  let workdir = '/'
  for (const { verb, rest } of stage.steps) {
    if (verb === 'WORKDIR') workdir = rest
    if (verb === 'COPY') {
      const from = /^--from=(\S+) /.exec(rest)?.[1]
      const paths = rest.replace(/^--from=\S+ /, '').split(' ')
      const to = join(folder, join(workdir, paths.at(-1) ?? ''))
      for (const path of paths.slice(0, -1)) {
        if (from === undefined) assert.ok(isInContext(path), `${path} is left out by .dockerignore`)
        const isInto = (paths.at(-1) ?? '').endsWith('/')
        mkdirSync(isInto ? to : dirname(to), { recursive: true })
        cpSync(join(from === undefined ? root : (folders[from] ?? ''), path), isInto ? join(to, basename(path)) : to, {
          recursive: true,
        })
      }
    }
    if (verb !== 'RUN') continue
    const cwd = join(folder, workdir)
    mkdirSync(cwd, { recursive: true })
    if (rest.startsWith('npm ci ')) symlinkSync(join(root, 'node_modules'), join(cwd, 'node_modules'))
    else if (rest.startsWith('mkdir /data')) mkdirSync(join(folder, 'data'))
    else execFileSync('sh', ['-c', rest], { cwd, stdio: ['ignore', 'ignore', 'inherit'] })
  }
}

/** Whether .dockerignore, which leaves out everything but what it names, names a path. */
function isInContext(path: string): boolean {
  const lines = readFileSync(join(root, 'infra/container/Containerfile.dockerignore'), 'utf8').split('\n')
  return lines[0] === '*' && lines.includes(`!${path.replace(/^\.\//, '')}`)
}

const [building, running] = stages
const image = join(directory, 'image')

void describe('the container', { timeout: 300_000 }, () => {
  before(() => {
    assert.ok(building !== undefined && running !== undefined && stages.length === 2)
    mkdirSync(join(directory, 'build'))
    mkdirSync(image)
    build(building, {}, join(directory, 'build'))
    build(running, { build: join(directory, 'build') }, image)
  })

  void it('is made from an image of Node with a version, and runs as a user without rights', () => {
    for (const { image: base } of stages) assert.match(base, /^docker\.io\/library\/node:\d+\.\d+\.\d+-[\w-]+$/)
    const pinned = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { devDependencies: { node: string } }
    assert.ok(
      running?.image.includes(`:${pinned.devDependencies.node}-`),
      'the Node of the tests and of the image are one',
    )
    assert.deepEqual(valuesOf(running, 'USER'), ['65532:65532'])
    assert.deepEqual(environmentOf(running)['DATA_DIR'], '/data')
  })

  void it('holds the programs, a licence, and nothing of the sources or the packages', () => {
    const files = readdirSync(join(image, 'app'))
    assert.ok(files.includes('node.mjs') && files.includes('main.mjs') && files.includes('LICENSE'))
    assert.deepEqual(
      files.filter((name) => !name.endsWith('.mjs') && name !== 'LICENSE'),
      [],
    )
    assert.deepEqual(
      readdirSync(image).toSorted((a, b) => a.localeCompare(b)),
      ['app', 'data'],
    )
  })

  void it('starts from what was copied alone, on a tree that cannot be written to, and ends with SIGTERM', async () => {
    const data = join(image, 'data')
    execFileSync('chmod', ['-R', 'a-w,a+rX', join(image, 'app')])
    chmodSync(directory, 0o755)
    chmodSync(data, 0o777)
    // The user must be able to reach the program that runs it, wherever that is.
    const node = join(directory, 'node')
    cpSync(process.execPath, node)
    const entry = JSON.parse(valuesOf(running, 'ENTRYPOINT')[0] ?? '[]') as readonly string[]
    const port = await freePort()
    const args = entry.slice(1).map((argument) => argument.replace(/^\/app\//, `${join(image, 'app')}/`))
    child = spawn(node, args, {
      cwd: image,
      ...(isRoot ? { uid: 65532, gid: 65532 } : {}),
      env: {
        ...environmentOf(running),
        BUILD_ID: 'of-the-image',
        DATA_DIR: data,
        HOST: '127.0.0.1',
        PORT: String(port),
        CLUSTERS: '[{"name":"prod","server":"https://127.0.0.1:9"}]',
      },
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    let said = ''
    child.stderr?.setEncoding('utf8').on('data', (text: string) => void (said += text))
    const ended = new Promise<number | null>((resolve) => child?.once('exit', resolve))
    let health: { readonly build?: string } | undefined
    for (
      const end = Date.now() + 60_000;
      health === undefined && child.exitCode === null && Date.now() < end;
      await sleep(50)
    )
      health = await fetch(`http://127.0.0.1:${port}/healthz`).then(
        (response) => response.json() as typeof health,
        () => undefined,
      )
    assert.equal(health?.build, 'of-the-image', said)
    child.kill('SIGTERM')
    assert.equal(await ended, 0, said)
    assert.ok(readdirSync(data).includes('sluice.db'))
    if (isRoot)
      assert.ok(spawnSync('find', [image, '-newer', node, '-user', '65532', '-path', '*/app/*']).stdout.length === 0)
  })
})
