import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isEngineError } from '../../../src/base/index.ts'
import { MemoryTree } from '../../../src/files/index.ts'
import { loadChart, parseValuesDocuments, renderChart } from '../../../src/helm/index.ts'

// Hostile charts: whatever they ask for, a render ends with output or with a structured error, soon, and within its memory.

const limits = { maxSteps: 2_000_000, maxMemory: 16 << 20, maxOutput: 4 << 20, maxDepth: 200 }
/** Far more than any of these takes on a busy machine; without limits they would take minutes, or for ever. */
const patienceMs = 20_000
/** Far more than the limits allow at once, since memory is freed late; without limits the process runs out of its 4 GB. */
const patienceMb = 1000

interface Outcome {
  readonly code: string
  readonly length: number
}

function render(template: string, values = '', helpers = ''): Outcome {
  const files = {
    'Chart.yaml': 'apiVersion: v2\nname: bomb\nversion: 1.0.0\n',
    'values.yaml': '',
    'templates/_helpers.tpl': helpers,
    'templates/bomb.txt': template,
  }
  const start = performance.now()
  try {
    const result = renderChart({
      chart: loadChart(new MemoryTree(files), ''),
      release: { name: 'r', namespace: 'n', revision: 1, isInstall: true, isUpgrade: false },
      values: parseValuesDocuments(values),
      environment: {
        now: () => performance.now(),
        randomBytes: (count) => crypto.getRandomValues(new Uint8Array(count)),
      },
      deadline: start + 3000,
      limits,
      skipSorting: true,
    })
    return { code: '', length: [...result.files.values()].reduce((sum, text) => sum + text.length, 0) }
  } catch (error) {
    if (!isEngineError(error)) throw error
    return { code: error.code, length: error.message.length }
  } finally {
    const ms = performance.now() - start
    assert.ok(ms < patienceMs, `${template.slice(0, 80)} took ${Math.round(ms)} ms`)
  }
}

const deep = (open: string, middle: string, close: string, count: number): string =>
  open.repeat(count) + middle + close.repeat(count)
const aliases = ['a: &a [x, x, x, x, x, x, x, x, x, x]']
for (let i = 0; i < 9; i++) {
  const name = String.fromCharCode(97 + i)
  const next = String.fromCharCode(98 + i)
  aliases.push(`${next}: &${next} [${`*${name},`.repeat(9)}*${name}]`)
}
const aliasBomb = aliases.join('\n')

/** Each bomb: template, values, helpers, and the code that it must end with; without one any structured end will do. */
const bombs: readonly (readonly [
  name: string,
  template: string,
  code?: string | undefined,
  values?: string,
  helpers?: string,
])[] = [
  [
    'include of itself',
    '{{ include "a" . }}',
    'helm-template-limit',
    '',
    '{{ define "a" }}{{ include "a" . }}{{ end }}',
  ],
  ['template of itself', '{{ template "a" . }}', undefined, '', '{{ define "a" }}{{ template "a" . }}{{ end }}'],
  [
    'two that include each other',
    '{{ include "a" . }}',
    'helm-template-limit',
    '',
    '{{ define "a" }}{{ include "b" . }}{{ end }}{{ define "b" }}x{{ template "a" . }}{{ end }}',
  ],
  ['tpl of itself', '{{ tpl .Values.t . }}', undefined, 't: "{{ tpl .Values.t . }}"'],
  [
    'tpl of itself, growing',
    '{{ tpl .Values.t . }}',
    undefined,
    't: "{{ $_ := set .Values \\"t\\" (print .Values.t .Values.t) }}{{ tpl .Values.t . }}"',
  ],
  [
    'billion laughs with include',
    '{{ include "t20" . }}',
    'helm-template-limit',
    '',
    `{{ define "t0" }}ha{{ end }}${Array.from({ length: 20 }, (_, i) => `{{ define "t${i + 1}" }}${`{{ include "t${i}" . }}`.repeat(10)}{{ end }}`).join('')}`,
  ],
  [
    'billion laughs with tpl',
    '{{ tpl .Values.t9 . }}',
    'helm-template-limit',
    Array.from(
      { length: 10 },
      (_, i) => `t${i}: "${i === 0 ? 'ha' : `{{ tpl .Values.t${i - 1} . }}`.repeat(10)}"`,
    ).join('\n'),
  ],
  ['repeat', '{{ repeat 1000000000 "x" }}', 'helm-template-limit'],
  ['repeat of repeat', '{{ repeat 100000 (repeat 100000 "x") }}', 'helm-template-limit'],
  ['until', '{{ until 1000000000 }}', 'helm-template-limit'],
  ['untilStep backwards', '{{ untilStep 0 -1000000000 -1 }}', 'helm-template-limit'],
  ['seq', '{{ seq 1 1000000000 }}', 'helm-template-limit'],
  ['range over a huge integer', '{{ range 9000000000000000 }}{{ end }}', 'helm-template-limit'],
  ['ranges in ranges', `${'{{ range 1000 }}'.repeat(10)}x${'{{ end }}'.repeat(10)}`, 'helm-template-limit'],
  ['width of printf', '{{ printf "%1000000000d" 1 }}'],
  ['width of printf by *', '{{ printf "%*d" 999999999 1 }}'],
  ['precision of printf', '{{ printf "%.1000000000f" 1.0 }}'],
  ['many widths of printf', `{{ printf "${'%999999d'.repeat(500)}" ${'1 '.repeat(500)}}}`, 'helm-template-limit'],
  ['argument index of printf', '{{ printf "%[999999999999]d" 1 }}'],
  ['indent', '{{ indent 1000000000 "a" }}', 'helm-template-limit'],
  ['indent of many lines', '{{ indent 10000 (repeat 10000 "\\n") }}', 'helm-template-limit'],
  [
    'wrapWith',
    '{{ wrapWith 1 (repeat 100000 "ab") "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" }}',
    'helm-template-limit',
  ],
  [
    'replace that grows',
    '{{ $s := "aaaaaaaaaa" }}{{ range 20 }}{{ $s = replace "a" "aaaaaaaaaa" $s }}{{ end }}',
    'helm-template-limit',
  ],
  ['doubling by print', '{{ $s := "ab" }}{{ range 60 }}{{ $s = print $s $s }}{{ end }}', 'helm-template-limit'],
  ['doubling by concat', '{{ $l := list 1 2 }}{{ range 60 }}{{ $l = concat $l $l }}{{ end }}', 'helm-template-limit'],
  [
    'doubling by list',
    '{{ $l := list 1 }}{{ range 60 }}{{ $l = list $l $l }}{{ end }}{{ $l | toJson }}',
    'helm-template-limit',
  ],
  ['doubling by list, as YAML', '{{ $l := list 1 }}{{ range 60 }}{{ $l = list $l $l }}{{ end }}{{ $l | toYaml }}'],
  [
    'doubling by list, printed',
    '{{ $l := list 1 }}{{ range 60 }}{{ $l = list $l $l }}{{ end }}{{ $l }}',
    'helm-template-limit',
  ],
  [
    'doubling by list, copied',
    '{{ $l := list 1 }}{{ range 60 }}{{ $l = list $l $l }}{{ end }}{{ deepCopy $l | len }}',
    'helm-template-limit',
  ],
  [
    'doubling by list, compared',
    '{{ $l := list 1 }}{{ range 60 }}{{ $l = list $l $l }}{{ end }}{{ $m := list 1 }}{{ range 60 }}{{ $m = list $m $m }}{{ end }}{{ deepEqual $l $m }}',
    'helm-template-limit',
  ],
  [
    'doubling by list, as TOML',
    '{{ $l := list 1 }}{{ range 60 }}{{ $l = list $l $l }}{{ end }}{{ dict "l" $l | toToml }}',
  ],
  [
    'doubling by dict, merged',
    '{{ $d := dict "a" 1 }}{{ range 60 }}{{ $d = dict "a" $d "b" $d }}{{ end }}{{ merge (dict) $d | toJson }}',
  ],
  ['a dict in itself, printed', '{{ $d := dict }}{{ $_ := set $d "d" $d }}{{ $d }}', 'helm-template-limit'],
  ['a dict in itself, as JSON', '{{ $d := dict }}{{ $_ := set $d "d" $d }}{{ toJson $d }}'],
  ['a dict in itself, as YAML', '{{ $d := dict }}{{ $_ := set $d "d" $d }}{{ toYaml $d }}'],
  ['a dict in itself, pretty', '{{ $d := dict }}{{ $_ := set $d "d" $d }}{{ toYamlPretty $d }}'],
  ['a dict in itself, as TOML', '{{ $d := dict }}{{ $_ := set $d "d" $d }}{{ toToml $d }}'],
  [
    'a dict in itself, copied',
    '{{ $d := dict }}{{ $_ := set $d "d" $d }}{{ deepCopy $d | len }}',
    'helm-template-limit',
  ],
  [
    'a dict in itself, merged',
    '{{ $d := dict }}{{ $_ := set $d "d" $d }}{{ $e := dict }}{{ $_ := set $e "d" $e }}{{ merge $d $e | len }}',
  ],
  ['regular expression that backtracks', '{{ regexMatch "^(a+)+$" (print (repeat 50000 "a") "b") }}'],
  ['regular expression, alternatives', '{{ regexMatch "(x|x|x|x|x)*y" (repeat 20000 "x") }}'],
  ['regular expression with counts', '{{ regexMatch "((a{0,1000}){0,1000}){0,1000}" "a" }}'],
  ['regular expression, nested', `{{ regexMatch "${'('.repeat(2000)}a${')*'.repeat(2000)}" "a" }}`],
  [
    'regular expression, replaced',
    '{{ regexReplaceAll "a" (repeat 100000 "a") "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb" }}',
    'helm-template-limit',
  ],
  [
    'regular expressions in a loop',
    '{{ range $i := until 100000 }}{{ $_ := regexMatch (printf "(a|b){%d}c" (mod $i 900)) "ab" }}{{ end }}',
  ],
  ['alias bomb in fromYaml', '{{ fromYaml .Values.y | toJson }}', undefined, `y: |\n${aliasBomb.replace(/^/gm, '  ')}`],
  ['alias bomb in values', '{{ .Values | toJson }}', 'values-invalid', aliasBomb],
  ['deep YAML', '{{ fromYaml (print "a: " (repeat 100000 "[") (repeat 100000 "]")) }}'],
  ['deep JSON', '{{ fromJson (print (repeat 1000000 "[") (repeat 1000000 "]")) }}'],
  ['deep TOML', '{{ fromToml (print "a = " (repeat 100000 "[") (repeat 100000 "]")) }}'],
  ['nested parentheses', `{{ ${deep('(', '1', ')', 10_000)} }}`, 'helm-template'],
  ['nested if', deep('{{ if true }}', 'x', '{{ end }}', 10_000), 'helm-template'],
  ['nested with', deep('{{ with 1 }}', 'x', '{{ end }}', 10_000), 'helm-template'],
  ['nested else if', `{{ if false }}${'{{ else if false }}'.repeat(10_000)}{{ end }}`, 'helm-template'],
  ['nested range', deep('{{ range list 1 }}', 'x', '{{ end }}', 10_000), 'helm-template'],
  ['nested block', deep('{{ block "x" . }}', 'x', '{{ end }}', 10_000), 'helm-template'],
  ['a long pipeline', `{{ 1${' | print'.repeat(100_000)} }}`],
  ['a long chain of fields', `{{ .Values${'.a'.repeat(100_000)} }}`],
  ['RSA keys in a loop', '{{ range until 1000 }}{{ $_ := genPrivateKey "rsa" }}{{ end }}', 'helm-template-limit'],
  ['DSA keys in a loop', '{{ range until 1000 }}{{ $_ := genPrivateKey "dsa" }}{{ end }}', 'helm-template-limit'],
  ['certificates in a loop', '{{ range until 1000 }}{{ $_ := genCA "x" 1 }}{{ end }}', 'helm-template-limit'],
  ['bcrypt in a loop', '{{ range until 10000 }}{{ $_ := bcrypt "x" }}{{ end }}', 'helm-template-limit'],
  [
    'derivePassword in a loop',
    '{{ range until 10000 }}{{ $_ := derivePassword 1 "long" "p" "u" "s" }}{{ end }}',
    'helm-template-limit',
  ],
  ['randBytes', '{{ randBytes 1000000000 }}', 'helm-template-limit'],
  ['randAlphaNum', '{{ randAlphaNum 1000000000 }}', 'helm-template-limit'],
  ['shuffle', '{{ shuffle (repeat 1000000 "ab") | len }}'],
  ['sortAlpha', '{{ sortAlpha (until 500000) | len }}'],
  ['splitList', '{{ splitList "" (repeat 2000000 "a") | len }}', 'helm-template-limit'],
  ['mul overflow', '{{ mul 9223372036854775807 9223372036854775807 }}', ''],
  ['round to many digits', '{{ round 1.5 1000000000 }}'],
  ['date with a long layout', '{{ now | date (repeat 100000 "2006") | len }}'],
  ['substr far away', '{{ substr 0 1000000000 "a" }}', ''],
  ['levenshtein-like nothing: abbrev', '{{ abbrev 1000000000 "a" }}', ''],
  ['chunk', '{{ chunk 1 (until 1000000) | len }}'],
  ['semver with a long version', '{{ semverCompare (repeat 10000 ">1.0.0,") (repeat 10000 "1.") }}'],
  ['toDecimal', '{{ toDecimal (repeat 100000 "7") }}'],
  [
    'output',
    '{{ range 100000 }}0123456789012345678901234567890123456789012345678901234567890123456789{{ end }}',
    'helm-template-limit',
  ],
]

for (const [name, template, code, values, helpers] of bombs) {
  test(`a bomb ends: ${name}`, () => {
    const outcome = render(template, values, helpers)
    if (code !== undefined) assert.equal(outcome.code, code)
    assert.ok(outcome.length <= 3 * limits.maxOutput, `${outcome.length} characters`)
  })
}

const names = ['a', 'b', 'c', 'd']
const number = fc.oneof(fc.constantFrom(0, 1, -1, 7, 1000, 1_000_000_000, 9_007_199_254_740_991), fc.integer())
const { body } = fc.letrec<{ expression: string; body: string }>((tie) => ({
  expression: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom(
      '.',
      '$',
      '.Values',
      '.Values.x',
      '"ab"',
      '`^(a|aa)+$`',
      'nil',
      '1.5',
      '.Chart.Name',
      '(list 1 2 3)',
    ),
    number.map((n) => `(int ${n})`),
    fc.tuple(number, tie('expression')).map(([n, e]) => `(repeat (int ${n}) (print ${e}))`),
    number.map((n) => `(until (int ${n}))`),
    fc.tuple(tie('expression'), tie('expression')).map(([a, b]) => `(print ${a} ${b})`),
    fc.tuple(tie('expression'), tie('expression')).map(([a, b]) => `(list ${a} ${b} ${a})`),
    fc.tuple(tie('expression'), tie('expression')).map(([a, b]) => `(dict "a" ${a} "b" ${b})`),
    fc.tuple(tie('expression'), tie('expression')).map(([a, b]) => `(regexFindAll (toString ${a}) (toString ${b}) -1)`),
    fc
      .tuple(
        fc.constantFrom(
          'toJson',
          'toYaml',
          'toToml',
          'quote',
          'len',
          'deepCopy',
          'fromYaml',
          'keys',
          'reverse',
          'sha256sum',
          'b64enc',
        ),
        tie('expression'),
      )
      .map(([f, e]) => `(${f} ${e})`),
    fc
      .tuple(number, fc.constantFrom('d', 's', 'x', 'v', 'q', 'f'), tie('expression'))
      .map(([n, verb, e]) => `(printf "%${n}.${Math.abs(n)}${verb}" ${e})`),
    fc.tuple(fc.constantFrom(...names), tie('expression')).map(([name, e]) => `(include "${name}" ${e})`),
    tie('expression').map((e) => `(tpl (toString ${e}) $)`),
    fc.tuple(fc.constantFrom(...names), tie('expression')).map(([key, e]) => `(set $.Values "${key}" ${e})`),
  ),
  body: fc.oneof(
    { depthSize: 'small' },
    fc.constantFrom('text', '{{/* c */}}', '{{- "x" -}}', '{{ break }}', '{{ end }}', '{{'),
    tie('expression').map((e) => `{{ ${e} }}`),
    fc.tuple(tie('expression'), tie('body')).map(([e, b]) => `{{ range ${e} }}${b}{{ end }}`),
    fc.tuple(tie('expression'), tie('body')).map(([e, b]) => `{{ with ${e} }}${b}{{ else }}${b}{{ end }}`),
    fc.tuple(tie('expression'), tie('body')).map(([e, b]) => `{{ if ${e} }}${b}{{ end }}`),
    fc
      .tuple(tie('expression'), tie('body'))
      .map(([e, b]) => `{{ $x := ${e} }}{{ range 30 }}{{ $x = list $x $x }}{{ end }}${b}`),
    fc.tuple(tie('body'), tie('body')).map(([a, b]) => a + b),
    fc.constantFrom(...names).map((name) => `{{ template "${name}" . }}`),
  ),
}))

test('random templates end with output or a structured error', () => {
  const codes = new Map<string, number>()
  fc.assert(
    fc.property(
      fc.array(body, { minLength: names.length, maxLength: names.length }),
      body,
      fc.string(),
      (bodies, main, x) => {
        const helpers = names.map((name, at) => `{{ define "${name}" }}${bodies[at]}{{ end }}`).join('\n')
        const { code } = render(main, JSON.stringify({ x }), helpers)
        codes.set(code, (codes.get(code) ?? 0) + 1)
      },
    ),
    { seed: 20_261_126, numRuns: 400 },
  )
  // The generator reaches all kinds of ends.
  for (const code of ['', 'helm-template', 'helm-template-limit'])
    assert.ok(codes.has(code), `none ended with "${code}"`)
})

test('none of this took much memory', () => {
  const mb = process.resourceUsage().maxRSS / 1024
  assert.ok(mb < patienceMb, `${Math.round(mb)} MB`)
})
