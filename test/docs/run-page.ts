/**
 * Runs the commands of a page of documentation, in order, in one shell, as its reader does.
 *
 * To hook up `infra/docs/topic.md`, write `test/docs/topic.test.ts`:
 *
 *     const cluster = useCluster()
 *     runPage('infra/docs/topic.md', {
 *       before: async (scene) => {
 *         // Set the stage with real parts, and answer the variables that the page names.
 *         const git = await GitServer.start()
 *         scene.defer(() => git.close())
 *         return { KUBECONFIG: await kubeconfigOf(scene, cluster.address), SLUICE_URL: … }
 *       },
 *       after: { 'sluice bootstrap': async (ran) => assert.match(ran.output, /registered/) },
 *     })
 *
 * On the page:
 * - every ```` ```sh ```` block runs, and each of its commands must end with 0. `exit="1"` says that the last command ends with another code, `not-run="a reason"`
 *   that the block is not run (its syntax, verbs and flags are checked all the same).
 * - ```` ```sh values ```` is for lines `export NAME=an-example` that a reader fills in. It is not run; `before` must answer each of these names.
 * - a file (```` ```yaml ````, ```` ```json ````, ```` ```env ````) is written where a line before it ends with its name in backquotes; `edit` may fill in what a reader
 *   would. With `not-run` it is only checked. Objects of ours are checked against their schemas, `env` by the configuration of a deployment.
 * - `scene="name"` on blocks that belong to another stage than the rest: `runPage(path, { scene: 'name', … })` runs those and only those.
 * - ```` ```console ```` and ```` ```text ```` show; verbs and flags after `$ ` are checked.
 *
 * `sluice` is on the PATH. The shell starts in `scene.directory`, with a HOME of its own. `test/docs/pages.test.ts` checks all pages, and that each has its test.
 * @module
 */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it } from 'node:test'
import { promisify } from 'node:util'
import type { ControlPlaneAddress } from '../support/control-plane.ts'
import { writeKubeconfig } from '../support/cli.ts'
import { goBinary } from '../support/go-binary.ts'
import { placeOf, readPage, whyNotRun, type Block, type Page } from './page.ts'
import { createScene, type Scene } from './scene.ts'
import { startShell, type Ran, type Shell } from './shell.ts'

/** How a page is run. */
export interface PageRun {
  /** Runs only the blocks with this `scene`; without it, those that name none. */
  readonly scene?: string
  /** Sets the stage before the first command. Answers variables of the shell's environment. */
  readonly before?: (scene: Scene) => Promise<{ readonly [name: string]: string }>
  /** What to look at after a block, by a text that just one block has. */
  readonly after?: { readonly [text: string]: (ran: Ran, scene: Scene) => Promise<void> | void }
  /** What a reader would change in a file of the page before saving it; undefined writes nothing. */
  readonly edit?: (name: string, text: string, scene: Scene) => string | undefined
  /** Blocks that go on until Ctrl-C, by a text that just one block has: pressed when the output has this. */
  readonly until?: { readonly [text: string]: RegExp }
  /** For each block; default two minutes. */
  readonly timeoutMs?: number
}

/** To be called at the top of a test file: one test that runs the page. */
export function runPage(path: string, options: PageRun = {}): void {
  const { timeoutMs = 120_000 } = options
  const name = options.scene === undefined ? path : `${path}, ${options.scene}`
  it(`the commands of ${name} do what it says`, { timeout: 9 * 60_000 }, async () => {
    const page = readPage(path)
    const blocks = page.blocks.filter((block) => block.attributes['scene'] === options.scene)
    for (const text of [...Object.keys(options.after ?? {}), ...Object.keys(options.until ?? {})])
      assert.equal(
        blocks.filter((block) => isRun(block) && block.text.includes(text)).length,
        1,
        `"${text}" is not in just one block of ${path} that runs`,
      )
    const scene = await createScene()
    const scratch = await mkdtemp(join(tmpdir(), 'sluice-blocks-'))
    try {
      if (blocks.some((block) => isRun(block) && /\bkubectl\b/.test(block.text))) await provideKubectl(scene)
      const env = (await options.before?.(scene)) ?? {}
      assertValues(page, blocks, env)
      const shell = startShell(scene.directory, scratch, { ...scene.env, ...env })
      scene.defer(() => shell.close())
      for (const block of blocks) await runBlock({ page, block, shell, scene, options, timeoutMs })
    } finally {
      await scene.close()
      await rm(scratch, { recursive: true, force: true })
    }
  })
}

/** A kubeconfig in the scene for a cluster of the tests. Returns its path. */
export async function kubeconfigOf(
  scene: Scene,
  address: Pick<ControlPlaneAddress, 'server' | 'caPem' | 'token'>,
): Promise<string> {
  const path = join(scene.home, 'kubeconfig')
  await writeKubeconfig(path, address)
  return path
}

/** A reader has kubectl; where this machine has none, it is built. */
async function provideKubectl(scene: Scene): Promise<void> {
  const isThere = await promisify(execFile)('kubectl', ['version', '--client']).then(
    () => true,
    () => false,
  )
  if (isThere) return
  const built = await goBinary('kubectl')
  assert.ok(built !== undefined, 'the commands of this page need kubectl, or Go to build it')
  await symlink(built, join(scene.bin, 'kubectl'))
}

function isRun(block: Block): boolean {
  return block.language === 'sh' && whyNotRun(block) === undefined
}

/** What the page lets its reader fill in is filled in. */
function assertValues(page: Page, blocks: readonly Block[], env: { readonly [name: string]: string }): void {
  for (const block of blocks.filter((one) => 'values' in one.attributes))
    for (const [, name = ''] of block.text.matchAll(/^(?:export )?([A-Z][A-Z0-9_]*)=/gm))
      assert.ok(env[name] !== undefined, `${placeOf(page, block)}: the test gives no ${name}`)
}

async function runBlock(step: {
  readonly page: Page
  readonly block: Block
  readonly shell: Shell
  readonly scene: Scene
  readonly options: PageRun
  readonly timeoutMs: number
}): Promise<void> {
  const { block, scene, options } = step
  const place = placeOf(step.page, block)
  if (['yaml', 'json', 'env', 'toml', 'ini'].includes(block.language)) {
    if (block.file === undefined || 'not-run' in block.attributes) return
    const text = options.edit === undefined ? block.text : options.edit(block.file, block.text, scene)
    if (text === undefined) return
    assert.ok(
      !block.file.startsWith('/'),
      `${place}: ${block.file} is outside of the test's directory; edit() must write it elsewhere`,
    )
    await scene.write(block.file, text)
    return
  }
  if (!isRun(block)) return
  const until = Object.entries(options.until ?? {}).find(([text]) => block.text.includes(text))?.[1]
  const ran = await step.shell
    .run(block.text, { timeoutMs: step.timeoutMs, ...(until === undefined ? {} : { until }) })
    .catch((error: unknown) => assert.fail(`${place}: ${error instanceof Error ? error.message : String(error)}`))
  const wanted = Number(block.attributes['exit'] ?? 0)
  if (until === undefined)
    assert.equal(ran.code, wanted, `${place}: exit code ${ran.code}\n${block.text}\n${ran.output}`)
  else assert.match(ran.output, until, `${place}: it ended before that`)
  for (const [text, check] of Object.entries(options.after ?? {}))
    if (block.text.includes(text)) await check(ran, scene)
}
