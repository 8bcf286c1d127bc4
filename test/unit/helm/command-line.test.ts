import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { globSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { after, test } from 'node:test'
import { parseArchive } from '../../conformance/archive.ts'
import { KNOWN_DIFFERENCES } from '../../conformance/known-differences.ts'
import { helmBinary, noHelm } from '../../support/helm-binary.ts'

const cases = new URL('../../conformance/cases/helm/', import.meta.url).pathname
const runs = new URL('../../support/helm-cli-runs.ts', import.meta.url).pathname
const helm = await helmBinary()
const skip = helm === undefined ? noHelm : false

const root = mkdtempSync(join(tmpdir(), 'helm-command-line-'))
after(() => rmSync(root, { recursive: true }))

function unpack(name: string): string {
  const { files } = parseArchive(readFileSync(join(cases, name), 'utf8'))
  const directory = join(root, name.replace(/\.txt$/, ''))
  for (const [path, content] of files) {
    if (path.startsWith('expected')) continue
    mkdirSync(dirname(join(directory, path)), { recursive: true })
    writeFileSync(join(directory, path), content)
  }
  if (files.has('templates/m.yaml')) writeFileSync(join(directory, 'README.md'), '# A chart\n')
  return directory
}

/** Command lines for each chart; `OUT` stands for a folder of the run's own. */
const lines: readonly (readonly string[])[] = [
  ...['chart', 'values', 'readme', 'crds', 'all'].map((what) => ['show', what, 'CHART']),
  ['template', 'rel', 'CHART', '--output-dir', 'OUT'],
  ['template', 'rel', 'CHART', '--output-dir', 'OUT', '--include-crds', '--release-name'],
  ['template', 'rel', 'CHART', '--include-crds'],
  ['template', 'rel', 'CHART', '--no-hooks', '--is-upgrade', '-n', 'team'],
  ['template', 'CHART', '--generate-name', '--skip-tests'],
  ['template', 'rel', 'CHART', '--show-only', 'templates/m.yaml'],
  ['template', 'rel', 'CHART', '--kube-version', '1.31', '-a', 'x.io/v1', '--api-versions', 'y.io/v1/Kind'],
  [
    'template',
    'rel',
    'CHART',
    '--set',
    'a.b=c',
    '--set-string',
    'n=1',
    '--set-json',
    'j={"k":[1]}',
    '--set-literal',
    'l=a,b',
  ],
]

/** The flags of `helm lint`, on a few charts each. */
const lintLines: readonly (readonly string[])[] = [
  ['lint', 'CHART', '--strict'],
  ['lint', 'CHART', '--quiet'],
  ['lint', 'CHART', '--with-subcharts', '--quiet', '--strict'],
  ['lint', 'CHART', 'CHART/nothing', '--with-subcharts'],
  ['lint', 'CHART', '--kube-version', '1.31', '--skip-schema-validation', '-n', 'team', '--set', 'a=null'],
]

/** Charts that render otherwise: the conformance suite says why. */
const different = new Set(KNOWN_DIFFERENCES.map(({ id }) => id))

/** Charts of which lint has more to say than that they have no icon. */
const saysMore =
  /chart-object|chart-v1|\/helmignore$|list-stays|manifest-is-a-list|manifest-without|order-of-kinds|schema-|separator-with|sub-chart-values|values-not-a-table/

test('command lines print, write and fail as the real helm', { skip }, async () => {
  const charts = readdirSync(cases)
    .filter((name) => !/schema-many|endless/.test(name) && !different.has(`helm/${name.replace(/\.txt$/, '')}`))
    .map(unpack)
  const wanted = charts.flatMap((chart) => lines.map((line) => ({ chart, line })))
  // Every chart meets some of the lines, every line many charts.
  const picked = [
    ...wanted.filter((_, at) => at % 7 === 0),
    ...charts
      .filter((chart, at) => at % 3 === 0 || saysMore.test(chart))
      .map((chart) => ({ chart, line: ['lint', 'CHART'] })),
    ...charts
      .filter((chart, at) => at % 8 === 0 || /sub-chart|dependenc/.test(chart))
      .map((chart, at) => ({ chart, line: lintLines[at % lintLines.length] ?? [] })),
  ]
  assert.ok(picked.length > 100)
  const fill = (line: readonly string[], chart: string, out: string): string[] =>
    line.map((word) => (word === 'OUT' ? out : word.replace(/^CHART/, chart)))
  const child = spawn(process.execPath, [runs], { stdio: ['pipe', 'pipe', 'ignore'] })
  child.stdin.end(JSON.stringify(picked.map(({ chart, line }, at) => fill(line, chart, join(root, `ours-${at}`)))))
  const ours = JSON.parse(await text(child.stdout)) as { output: string; failed: boolean }[]
  const wrong: string[] = []
  for (const [at, { chart, line }] of picked.entries()) {
    const { stdout, status } = spawnSync(helm ?? '', fill(line, chart, join(root, `theirs-${at}`)), {
      encoding: 'utf8',
    })
    const writes = line.includes('--output-dir')
    const same =
      (status !== 0) === ours[at]?.failed &&
      ((status !== 0 && line[0] !== 'lint') ||
        (writes ? sameFiles(join(root, `ours-${at}`), join(root, `theirs-${at}`)) : stdout === ours[at]?.output))
    if (!same)
      wrong.push(
        `${fill(line, chart, 'OUT').join(' ')}\nwant (${status}) ${stdout.slice(0, 1500)}\ngot (${ours[at]?.failed}) ${ours[at]?.output.slice(0, 1500)}`,
      )
  }
  assert.equal(wrong.length, 0, `${wrong.length} of ${picked.length}:\n${wrong.slice(0, 6).join('\n')}`)
})

function sameFiles(ours: string, theirs: string): boolean {
  const contents = (directory: string): string =>
    JSON.stringify(
      globSync('**/*.*', { cwd: directory })
        .toSorted()
        .map((path) => [path, readFileSync(join(directory, path), 'utf8')]),
    )
  return contents(ours) === contents(theirs)
}
