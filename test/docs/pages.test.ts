import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { bundleProgram } from '../support/bundled-program.ts'
import { checkCommands, createHelp, type Help } from './check-commands.ts'
import { checkEnvironment, checkFiles } from './check-files.ts'
import { checkLinks } from './check-links.ts'
import { commandsOf } from './commands.ts'
import { pagePaths, parsePage, readPage, whyNotRun } from './page.ts'

let directory = ''
let help: Help = async () => ''
before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sluice-pages-'))
  help = createHelp(bundleProgram(directory))
})
after(() => rm(directory, { recursive: true, force: true }))

describe('every page of the documentation', () => {
  for (const path of pagePaths()) {
    it(`${path}: files can be read, links lead somewhere`, () => {
      const page = readPage(path)
      assert.deepEqual([...checkFiles(page), ...checkLinks(page)], [])
    })
    it(`${path}: commands are known, with their flags`, async () => {
      assert.deepEqual(await checkCommands(readPage(path), help), [])
    })
    it(`${path}: every command is run, or says why not`, () => {
      assert.deepEqual(untested(path), [])
    })
  }
})

/** Blocks of commands that no test runs and that do not say why. */
function untested(path: string): readonly string[] {
  const page = readPage(path)
  const test = join(import.meta.dirname, `${basename(path, '.md').toLowerCase()}.test.ts`)
  const text = existsSync(test) ? readFileSync(test, 'utf8') : ''
  const calls = [...text.matchAll(/^runPage\(\s*'([^']+)'(?:,\s*\{\s*scene: '([^']+)')?/gm)]
  return page.blocks
    .filter(
      (block) =>
        block.language === 'sh' && !calls.some(([, of, scene]) => of === path && scene === block.attributes['scene']),
    )
    .filter((block) => whyNotRun(block) === undefined || whyNotRun(block) === '')
    .map((block) => `${path}:${block.line} is not run by test/docs/${basename(test)}`)
}

describe('the checks of pages', () => {
  const page = (text: string): ReturnType<typeof parsePage> => parsePage('infra/docs/page.md', text)

  it('find a verb and a flag that are not there', async () => {
    const findings = await checkCommands(
      page(
        '```sh\nsluice get ks -A --sideways\nsluice frobnicate now\necho "$(sluice why ks/app --loud)"\nnpm run nothing\n```\n',
      ),
      help,
    )
    assert.deepEqual(
      findings,
      [
        'infra/docs/page.md:1: sluice why --loud: the help lists no such flag',
        'infra/docs/page.md:1: sluice get --sideways: the help lists no such flag',
        'infra/docs/page.md:1: sluice frobnicate: the help lists no such verb',
        'infra/docs/page.md:1: there is no npm run nothing',
      ].toSorted((a, b) => findings.indexOf(a) - findings.indexOf(b)),
    )
  })

  it('find what bash does not read, and a variable that the page is silent about', async () => {
    assert.match((await checkCommands(page('```sh\nif true; then\n```\n'), help)).join(), /bash does not read it/)
    assert.deepEqual(await checkCommands(page('```sh\ncurl "$PLACE/x" "$TOLD"\n```\n`TOLD` is told.\n'), help), [
      'infra/docs/page.md: nothing on the page says what $PLACE is',
    ])
  })

  it('find files that cannot be right', () => {
    const bad = (language: string, text: string): string =>
      checkFiles(page(`\`\`\`${language}\n${text}\n\`\`\`\n`)).join('; ')
    assert.match(bad('yaml', 'a: [1'), /is not YAML/)
    assert.match(bad('json', '{"a": }'), /is not JSON/)
    const kustomization =
      'apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: a}\nspec: {intervall: 1m}'
    assert.match(bad('yaml', kustomization), /spec\.interval.*sourceRef|intervall/)
    assert.match(bad('yaml', kustomization.replace('/v1', '/v9')), /no kind of ours/)
    assert.match(bad('env', 'SCAN_INTERVAL_SECONDS=soon'), /must be a number/)
    assert.match(bad('env', 'CLUSTRES=[]'), /CLUSTRES is no variable/)
    assert.deepEqual(
      checkEnvironment(
        'CLUSTERS=\'[{"name":"a","server":"https://a.example.com","tokenSecret":"A_TOKEN"}]\'\nA_TOKEN_FILE=/run/a\n',
      ),
      [],
    )
  })

  it('find links that lead nowhere', () => {
    const text =
      '# A page\n[a](../adr/nothing.md) [b](tenants.md#an-entry) [c](../../README.md#nowhere) ![d](d.png) [e](https://example.com) `[f](g)`\n'
    assert.deepEqual(checkLinks(page(text)), [
      'infra/docs/page.md:2: ../adr/nothing.md: there is no such file',
      'infra/docs/page.md:2: ../../README.md#nowhere: there is no such heading',
      'infra/docs/page.md:2: d.png: there is no such file',
    ])
  })

  it('take commands apart as a shell does', () => {
    const script = `A=1 sluice get ks \\\n  -n "a b" | jq '.x | length' && npm run x # sluice no\ncat > f <<EOF\nsluice not this\nEOF\nX=$(sluice why "y $(cat z)")`
    assert.deepEqual(commandsOf(script), [
      ['sluice', 'get', 'ks', '-n', 'a b'],
      ['jq', '.x | length'],
      ['npm', 'run', 'x'],
      ['cat', '>', 'f', '<<EOF'],
      ['cat', 'z'],
      ['sluice', 'why', 'y $(cat z)'],
    ])
  })
})
