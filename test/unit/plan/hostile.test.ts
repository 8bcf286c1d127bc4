import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import {
  escapeMarkdown,
  parsePlan,
  planJson,
  planMarkdown,
  planMarker,
  planSarif,
  planText,
  raw,
  type PlanDocument,
} from '../../../src/plan/index.ts'
import { fenced, linkTo } from '../../../src/plan/exports/escape.ts'
import { application, deployment, plan, sides } from './inputs.ts'

const url = 'https://sluice.example.com/plans/1'
const style = { bold: String, dim: String, red: String, green: String, yellow: String, cyan: String }

const hostile: readonly string[] = [
  '@everyone',
  '@org/team',
  'a@example.com',
  '#1',
  'owner/repo#1',
  '!1',
  'GH-1',
  '<script>alert(1)</script>',
  '<img src=x onerror=alert(1)>',
  '</code></details></summary><h1>x',
  '<!-- sluice:plan:prod -->',
  '--> <b>x</b> <!--',
  '![x](https://evil.example.com/x.png)',
  '[click](javascript:alert(1))',
  '[x]: https://evil.example.com',
  'https://evil.example.com/?a=1',
  'http://evil.example.com',
  'www.evil.example.com',
  '```\n@everyone\n<b>out</b>',
  '~~~\n@everyone',
  '````````````',
  'a`b``c```d',
  '| a | b |\n| --- | --- |',
  '\n\n# heading\n\n- item',
  '$$\\href{javascript:alert(1)}{x}$$',
  '&lt;b&gt; &#64;everyone',
  '\\@everyone \\<b>',
  '**bold** __bold__ ~~gone~~',
  '\r\n---\r\n',
  '\u202etxt.exe\u200b\u001b[31m\u0007',
  '\ud800',
  'x'.repeat(5_000),
  '😀'.repeat(2_000),
]

const source = plan(
  application(
    [
      sides({
        base: deployment(2),
        head: deployment(0, 'web:latest'),
        live: deployment(3),
        result: deployment(0, 'web:latest'),
      }),
    ],
    {
      tenant: 'shop',
      reason: raw('why'),
      errors: [
        {
          message: raw('no such field'),
          phase: 'render',
          file: 'apps/b.yaml',
          line: 4,
          object: { kind: 'Deployment', namespace: 'a', name: 'b' },
        },
      ],
      chart: { base: { name: 'web', version: '1.0.0' }, head: { name: 'web', version: '1.1.0' } },
      suspendedParents: [{ kind: 'Kustomization', namespace: 'a', name: 'b' }],
      deadDependencies: [{ kind: 'Kustomization', namespace: 'a', name: 'b', why: raw('is gone') }],
    },
  ),
  application([sides({ base: deployment(2), live: deployment(2) })], { cluster: 'edge', name: 'old' }),
  application([sides({ head: deployment(2), live: deployment(2), result: deployment(2) })], {
    cluster: 'edge',
    name: 'new',
  }),
)

/** Letters that steer terminals or turn the direction of reading. */
const steering = /[^\P{Cc}\n\t]|[\u202a-\u202e]/u

const enums: ReadonlySet<string> = new Set(['rule', 'severity', 'origin', 'action', 'state', 'live'])

/** The plan with every free text replaced: what somebody could at worst have named everything. */
function poisoned(text: string): PlanDocument {
  const visit = (value: unknown, field: string): unknown => {
    if (Array.isArray(value)) return value.map((item) => visit(item, field))
    if (typeof value === 'object' && value !== null)
      return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, visit(one, key)]))
    const isEnum = enums.has(field) || (field === 'change' && typeof value === 'string')
    return typeof value === 'string' && !isEnum ? text : value
  }
  return parsePlan(JSON.stringify(visit({ ...source, reference: 'x' }, '')))
}

/** The lines of a comment outside of fenced blocks, as CommonMark ends them. */
function outsideOfFences(text: string): string {
  const out: string[] = []
  let fence = 0
  for (const line of text.split('\n')) {
    const run = /^ {0,3}(`{3,})(.*)$/.exec(line)
    if (fence === 0 && run?.[1] !== undefined && run[2]?.includes('`') !== true) fence = run[1].length
    else if (fence > 0 && run?.[1] !== undefined && run[1].length >= fence && run[2]?.trim() === '') fence = 0
    else if (fence === 0) out.push(line)
  }
  assert.equal(fence, 0, 'a fence stays open')
  return out.join('\n')
}

/** Nothing in a comment does more than to say something. */
function assertHarmless(text: string): void {
  const marker = planMarker('prod')
  assert.ok(text.startsWith(marker))
  assert.equal(text.split(marker).length, 2, 'a second marker')
  const outside = outsideOfFences(text.slice(marker.length)).replace(`[the whole plan](${url})`, '')
  const tags = [...outside.matchAll(/<[^>]*>?/g)].map(([tag]) => tag)
  for (const tag of tags) assert.match(tag, /^<\/?(?:code|details|summary)>$/)
  for (const tag of ['code', 'details', 'summary'])
    assert.equal(tags.filter((one) => one === `<${tag}>`).length, tags.filter((one) => one === `</${tag}>`).length, tag)
  assert.doesNotMatch(outside, /[@`[\]\\~"'$]/)
  assert.doesNotMatch(outside, /:\/\/|www\.|\bGH-\d/i)
  assert.doesNotMatch(outside, /!(?=\w)|(?<!&)#\d/)
  assert.doesNotMatch(text, steering)
  // Rows of the table stay rows of four cells; the head and its line are two of them.
  for (const row of outside.split('\n').filter((line) => line.startsWith('|')))
    assert.equal(row.split('|').length, 6, row)
  for (const heading of outside.split('\n').filter((line) => /^ {0,3}#/.test(line)))
    assert.match(heading, /^### This change /)
}

describe('hostile texts in every field', () => {
  for (const text of hostile) {
    test(JSON.stringify(text.slice(0, 40)), () => {
      const document = poisoned(text)
      const comment = planMarkdown(document, { id: 'prod', url })
      assertHarmless(comment)
      assert.ok(comment.includes('<details>') || text.length > 1_000)
      const terminal = planText(document, style)
      assert.doesNotMatch(terminal, steering)
      const sarif = JSON.parse(planSarif(document, { version: '1' })) as {
        readonly runs: readonly {
          readonly results: readonly {
            readonly message: { readonly text: string }
            readonly locations: readonly object[]
          }[]
        }[]
      }
      for (const { message, locations } of sarif.runs[0]?.results ?? []) {
        assert.doesNotMatch(message.text.replaceAll(/\\[[\]\\]/g, ''), /[[\]\\]/)
        for (const [, uri] of JSON.stringify(locations).matchAll(/"uri":"([^"]*)"/g))
          assert.match(uri ?? '', /^[\w./%!*'()~-]*$/)
      }
      assert.deepEqual(parsePlan(planJson(document)), document)
    })
  }

  test('any text', () => {
    const letters = fc.string({
      unit: fc.constantFrom(
        '`',
        '~',
        '<',
        '>',
        '@',
        '#',
        '[',
        ']',
        '(',
        ')',
        '!',
        '|',
        '\n',
        '\\',
        '&',
        ':',
        '/',
        'w',
        'a',
        '1',
        '-',
        ' ',
        '"',
        "'",
        '$',
        '*',
        '_',
      ),
      maxLength: 40,
    })
    fc.assert(
      fc.property(letters, (text) => assertHarmless(planMarkdown(poisoned(text), { id: 'prod', url }))),
      { numRuns: 200 },
    )
  })
})

test('what a Markdown reader shows of an escaped text is the text', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme-ascii', maxLength: 60 }), (text) => {
      const shown = escapeMarkdown(text)
        .replaceAll(/&#(\d+);/g, (_whole, code: string) => String.fromCodePoint(Number(code)))
        .replaceAll('\u200b', '')
      assert.equal(shown, text.replaceAll(/\s+/g, ' '))
    }),
  )
})

test('a fence is longer than any in it', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('`', '\n', ' ', 'x', '~'), maxLength: 60 }), (text) => {
      assert.equal(outsideOfFences(fenced(text, 'diff')).trim(), '')
    }),
  )
})

test('links lead to the web only', () => {
  for (const bad of ['javascript:alert(1)', 'data:text/html,x', '/relative', 'ftp://x', '', 'https://'])
    assert.equal(linkTo('x', bad), undefined, bad)
  assert.equal(linkTo('x', 'https://a.example.com/b?c=d#e'), '[x](https://a.example.com/b?c=d#e)')
  assert.equal(
    linkTo('x', 'https://a.example.com/) [y](https://evil.example.com'),
    '[x](https://a.example.com/%29%20%5By%5D%28https://evil.example.com)',
  )
})

test('markers', () => {
  for (const bad of ['', 'a b', '-->', 'a--b', '<', 'x'.repeat(101)])
    assert.throws(() => planMarker(bad), { code: 'plan-marker-invalid' })
  assert.equal(planMarker('prod.example_1-a'), '<!-- sluice:plan:prod.example_1-a -->')
})

describe('the limit', () => {
  const bytes = (text: string): number => Buffer.byteLength(text)
  const large = (count: number, letter: string): PlanDocument => {
    const objects = Array.from({ length: count }, (_, at) => {
      const map = (value: string): string =>
        `{apiVersion: v1, kind: ConfigMap, metadata: {name: m${at}, namespace: shop}, data: {a: ${JSON.stringify(value)}}}`
      return sides({
        base: map('old'),
        head: map(letter.repeat(100)),
        live: map('old'),
        result: map(letter.repeat(100)),
      })
    })
    const applications = Array.from({ length: 40 }, (_, at) =>
      application(objects.slice((at * count) / 40, ((at + 1) * count) / 40), { name: `app-${at}` }),
    )
    return plan(...applications)
  }

  test('is never exceeded, whatever the letters', () => {
    for (const letter of ['a', 'ä', '€', '😀', '`', '&', '<'])
      for (const count of [40, 4_000]) {
        const document = large(count, letter)
        for (const maxBytes of [2_000, 2_500, 10_000, 60_000, undefined]) {
          const text = planMarkdown(document, { id: 'prod', url, ...(maxBytes === undefined ? {} : { maxBytes }) })
          assert.ok(bytes(text) <= (maxBytes ?? 60_000), `${letter} ${count} ${maxBytes}: ${bytes(text)}`)
          assert.ok(text.endsWith(`\n[the whole plan](${url})\n`))
          assert.equal(Buffer.from(text).toString(), text, 'half a letter')
          assertHarmless(text)
        }
      }
  })

  test('what is left out is counted', () => {
    const text = planMarkdown(large(4_000, '😀'), { id: 'prod', url })
    assert.match(text, /4000 to change/)
    assert.match(text, /…and the details of \d+ more applications\.\n/)
    assert.ok(bytes(text) > 30_000, 'most of the room is used')
    const small = planMarkdown(large(40, 'a'), { id: 'prod', url })
    assert.doesNotMatch(small, /…and/)
    assert.equal(small.match(/<details>/g)?.length, 40)
    const many = plan(
      ...Array.from({ length: 3_000 }, (_, at) =>
        application([], { name: `application-${at}`, errors: [{ message: raw('broken'), phase: 'render' }] }),
      ),
    )
    const wide = planMarkdown(many, { id: 'prod', url })
    assert.match(wide, /…and \d+ more errors\.\n/)
    assert.match(wide, /…and \d+ more applications\.\n/)
    assert.ok(bytes(wide) <= 60_000)
  })

  test('of a large application, what fits is shown', () => {
    const objects = large(4_000, 'a').applications.flatMap((one) => one.objects)
    const [first] = source.applications
    assert.ok(first !== undefined)
    const text = planMarkdown({ ...source, applications: [{ ...first, objects }] }, { id: 'prod', url })
    assert.match(text, /```diff/)
    assert.match(text, /…and \d+ more objects\.\n/)
    assert.ok(bytes(text) <= 60_000)
    const small = planMarkdown(
      { ...source, applications: [{ ...first, objects }] },
      { id: 'prod', url, maxBytes: 8_000 },
    )
    assert.match(small, /ConfigMap\/shop\/m0/)
    assertHarmless(small)
  })

  test('dangers come before all else that is long', () => {
    const text = planMarkdown({ ...large(4_000, 'a'), dangers: source.dangers }, { id: 'prod', maxBytes: 4_000 })
    for (const { rule } of source.dangers) assert.ok(text.includes(`(${rule})`), rule)
  })

  test('too small a limit is refused', () => {
    assert.throws(() => planMarkdown(source, { id: 'prod', maxBytes: 1_999 }), { code: 'plan-limit-small' })
  })

  test('any limit, any text', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', maxLength: 300 }),
        fc.integer({ min: 2_000, max: 20_000 }),
        (text, maxBytes) => {
          const comment = planMarkdown(poisoned(text), { id: 'prod', url, maxBytes })
          assert.ok(bytes(comment) <= maxBytes)
          assertHarmless(comment)
        },
      ),
      { numRuns: 100 },
    )
  })
})
