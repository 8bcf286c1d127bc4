import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createPlaceholders } from '../../../src/reconcile/change/placeholders.ts'
import { renderSide } from '../../../src/reconcile/change/render-side.ts'
import type { SideOptions } from '../../../src/reconcile/change/side-options.ts'
import type { RenderedSide } from '../../../src/reconcile/change/types.ts'
import { nameOf, type KubeMap, type KubeObject } from '../../../src/resources/index.ts'
import { createSideContext, releaseOf, secretOf, shownOf, type SideWorld } from '../../support/side-context.ts'

const placeholders = createPlaceholders(new Uint8Array(32).fill(7))
const used: SideOptions = { placeholders, secrets: 'used' }
const withheld: SideOptions = { placeholders, secrets: 'withheld' }

const chart = (template: string, values = ''): SideWorld['files'] => ({
  'chart/Chart.yaml': 'apiVersion: v2\nname: app\nversion: 1.2.3\n',
  'chart/values.yaml': values,
  'chart/templates/a.yaml': template,
})

const configMap = (data: string): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  plain: "1"\n  value: ${data}\n`

async function render(world: SideWorld, spec: object = {}, options = used): Promise<RenderedSide> {
  return await renderSide(createSideContext(world).ctx, releaseOf(spec), options)
}

function valueOf(object: KubeObject | undefined): string {
  assert.ok(object !== undefined)
  return (object['data'] as { value: string }).value
}

const whole = { valuesFrom: [{ kind: 'Secret', name: 's' }] }
const password = { valuesFrom: [{ kind: 'Secret', name: 's', valuesKey: 'pw', targetPath: 'auth.password' }] }

describe('a HelmRelease without secrets', () => {
  it('is rendered once, with its chart, and the files that its objects come from', async () => {
    const files = { ...chart(configMap('{{ .Values.x | quote }}'), 'x: 1'), 'chart/crds/crd.yaml': definition }
    const side = await render({ files })
    assert.equal(side.hasSecrets, false)
    assert.deepEqual(side.chart, { name: 'app', version: '1.2.3' })
    assert.match(side.artifacts['chart'] ?? '', /^sha256:/)
    assert.deepEqual(
      side.objects.map(({ open, file }) => ({ open, file })),
      [
        { open: 'itself', file: undefined },
        { open: 'itself', file: 'chart/templates/a.yaml' },
      ],
    )
    assert.deepEqual(
      side.items.map(({ shown }) => [shown['kind'], nameOf(shown)]),
      [
        ['CustomResourceDefinition', 'things.example.com'],
        ['ConfigMap', 'a'],
      ],
    )
    const metadata = side.items[1]?.shown['metadata'] as KubeMap
    assert.equal(metadata['namespace'], 'apps')
    assert.deepEqual(metadata['labels'], {
      'app.kubernetes.io/managed-by': 'Helm',
      'helm.toolkit.fluxcd.io/name': 'app',
      'helm.toolkit.fluxcd.io/namespace': 'apps',
    })
  })

  it('has its hooks in what is approved, and not among the objects that stay', async () => {
    const hook = configMap('two').replace('name: a\n', 'name: b\n  annotations: { "helm.sh/hook": pre-upgrade }\n')
    const side = await render({ files: { ...chart(configMap('one')), 'chart/templates/hook.yaml': hook } })
    assert.equal(side.objects.length, 1)
    assert.deepEqual(side.desired?.map(valueOf), ['one', 'two'])
  })
})

describe('values from Secrets', () => {
  it('at one place are a placeholder, whether they are there or not', async () => {
    const files = chart(configMap('{{ .Values.auth.password | quote }}'))
    const side = await render({ files, cluster: { 'Secret/apps/s': secretOf({ pw: 'canary-1' }) } }, password)
    assert.match(valueOf(side.items[0]?.shown), /^[a-z0-9]{32}$/)
    assert.equal(valueOf(side.desired?.[0]), 'canary-1')
    assert.equal(shownOf(side).includes('canary'), false)
    const optional = { valuesFrom: [{ ...password.valuesFrom[0], optional: true }] }
    assert.equal(shownOf(await render({ files }, optional)), shownOf(side))
    const { ctx, reads } = createSideContext({ files })
    assert.equal(shownOf(await renderSide(ctx, releaseOf(password), withheld)), shownOf(side))
    assert.deepEqual(reads, [])
  })

  it('do not get into the values that the object itself has, nor from one rendering into another', async () => {
    const files = chart(configMap('{{ .Values.auth | toJson | quote }}'))
    const object = releaseOf({ ...password, values: { auth: { user: 'admin' } } })
    const { ctx } = createSideContext({ files, cluster: { 'Secret/apps/s': secretOf({ pw: 'canary-1' }) } })
    const first = shownOf(await renderSide(ctx, object, used))
    assert.equal(JSON.stringify(object).includes('canary'), false)
    assert.equal(first.includes('canary'), false)
    assert.equal(shownOf(await renderSide(ctx, object, used)), first)
  })

  it('of whole files keep the tables that the chart knows, and tell nothing of lists, other names, or types', async () => {
    const files = chart(
      configMap('{{ toJson .Values | quote }}'),
      'image: { tag: "1" }\nauth: { password: x }\nhosts: []\nextra: {}\n',
    )
    const texts: string[] = []
    const tags: unknown[] = []
    const contents = [
      'auth: { password: canary-1 }\nhosts: [{ name: canary-2, password: canary-8 }]\nextra: { canary-3: canary-4 }\n',
      'auth: { password: 5 }\nhosts: [{ password: canary-8 }, { name: canary-2 }, { name: canary-5 }]\nextra: { canary-6: {}, canary-7: [] }\n',
    ]
    for (const content of contents) {
      const cluster = { 'Secret/apps/s': secretOf({ 'values.yaml': content }) }
      const side = await render({ files, cluster }, { ...whole, values: { name: 'a name that Git knows' } })
      texts.push(shownOf(side))
      tags.push((JSON.parse(valueOf(side.items[0]?.shown)) as { image: object }).image)
      assert.match(valueOf(side.desired?.[0]), /canary/)
    }
    assert.equal(texts[0]?.includes('canary'), false)
    assert.equal(texts[0], texts[1])
    assert.deepEqual(tags, [{ tag: '1' }, { tag: '1' }])
  })

  it('from a ConfigMap are as secret, unless the commit renders it', async () => {
    const files = chart(configMap('{{ .Values.x | quote }}'))
    const from = { valuesFrom: [{ kind: 'ConfigMap', name: 's' }] }
    const cluster = { 'ConfigMap/apps/s': { data: { 'values.yaml': 'x: canary-1' } } }
    assert.equal(shownOf(await render({ files, cluster }, from)).includes('canary'), false)
    const known: SideOptions = { ...used, configMap: () => ({ data: { 'values.yaml': 'x: public' } }) }
    const side = await render({ files, cluster }, from, known)
    assert.equal(side.hasSecrets, false)
    assert.equal(valueOf(side.items[0]?.shown), 'public')
  })

  it('tell nothing about themselves, whatever a template does with them', async () => {
    const probes = [
      configMap('{{ if hasPrefix "c" .Values.auth.password }}yes{{ else }}no{{ end }}'),
      configMap('{{ eq .Values.auth.password "canary-1" | ternary "yes" "no" }}'),
      configMap('{{ len .Values.auth.password | quote }}'),
      configMap('{{ substr 0 1 .Values.auth.password | quote }}'),
      configMap('{{ .Values.auth.password | sha256sum }}'),
      configMap('{{ regexReplaceAll "^[^c].*" .Values.auth.password "other" | quote }}'),
      `${configMap('x')}{{ if eq .Values.auth.password "canary-1" }}\n---\n${configMap('y').replace('name: a', 'name: b')}{{ end }}`,
      `{{ if eq .Values.auth.password "canary-1" }}{{ fail "it is canary-1" }}{{ end }}${configMap('x')}`,
      `{{ if ne .Values.auth.password "canary-1" }}${configMap('x')}{{ end }}`,
      `${configMap('x')}{{ range until (int .Values.auth.password) }}\n---\n${configMap('y')}{{ end }}`,
      configMap('x').replace(
        'name: a',
        'name: {{ if eq .Values.auth.password "canary-1" }}right{{ else }}wrong{{ end }}',
      ),
      configMap('{{ .Values.auth.password | b64enc }}'),
      configMap('{{ tpl "{{ .Values.auth.password }}" . | quote }}'),
      `{{ .Values.auth.password | fromYaml | toYaml }}\n---\n${configMap('x')}`,
    ]
    for (const probe of probes) {
      const texts: string[] = []
      for (const secret of ['canary-1', 'xanary-22', 'c', '12', 'true', '{a: b}', 'x: {y: [1]}']) {
        const from = { valuesFrom: [{ ...password.valuesFrom[0], literal: true }] }
        const world = { files: chart(probe), cluster: { 'Secret/apps/s': secretOf({ pw: secret }) } }
        const side = await render(world, from)
        assert.ok(side.desired !== undefined || side.failure !== undefined)
        texts.push(shownOf(side))
      }
      assert.equal(new Set(texts).size, 1, probe)
    }
  })

  it('that only rendering with placeholders fails for say so, the same for every value', async () => {
    const files = chart(configMap('{{ required "a number" (eq (int .Values.auth.password) 5 | ternary "x" nil) }}'))
    for (const secret of ['5', '6']) {
      const cluster = { 'Secret/apps/s': secretOf({ pw: secret }) }
      await assert.rejects(
        render({ files, cluster }, password),
        /^EngineError: with placeholders for its secrets it does not render: .*a number/,
      )
    }
  })

  it('need not be what a schema asks for where they are placeholders', async () => {
    const schema = '{"properties":{"auth":{"properties":{"password":{"type":"integer"}}}}}'
    const files = { ...chart(configMap('{{ .Values.auth.password | quote }}')), 'chart/values.schema.json': schema }
    const good = await render({ files, cluster: { 'Secret/apps/s': secretOf({ pw: '5' }) } }, password)
    const bad = await render({ files, cluster: { 'Secret/apps/s': secretOf({ pw: 'canary' }) } }, password)
    assert.equal(shownOf(good), shownOf(bad))
    assert.equal(good.failure, undefined)
    assert.equal(bad.failure?.code, 'values-schema')
  })

  it('in other files of values that are missing or no YAML are errors without their content', async () => {
    const files = chart(configMap('x'))
    await assert.rejects(render({ files }, whole), /could not find Secret\/apps\/s/)
    const cluster = { 'Secret/apps/s': secretOf({ 'values.yaml': 'a: b: canary' }) }
    await assert.rejects(render({ files, cluster }, whole), (error: Error) => !error.message.includes('canary'))
  })
})

describe('what is not the same every time', () => {
  const twice = async (template: string, other = template): Promise<readonly [RenderedSide, RenderedSide]> => [
    await render({ files: chart(template) }),
    await render({ files: chart(other) }),
  ]

  for (const value of [
    '{{ randAlphaNum 16 | quote }}',
    '{{ uuidv4 }}',
    '{{ now | date "2006-01-02" | quote }}',
    '{{ (genSelfSignedCert "a" nil nil 30).Cert | b64enc }}',
    '{{ htpasswd "a" "b" | quote }}',
  ])
    it(`is in both commits: ${value}`, async () => {
      const [base, head] = await twice(configMap(value))
      assert.equal(shownOf(base), shownOf(head))
      assert.deepEqual(base.desired, head.desired)
      assert.equal(base.hasSecrets, true)
      assert.equal(base.items[0]?.hasPlaceholders, true)
      assert.notEqual(valueOf(base.desired?.[0]), valueOf(base.items[0].shown))
    })

  it('what is found in the cluster is not found for what is shown', async () => {
    const template = configMap(
      '{{ $found := lookup "v1" "Secret" "apps" "old" }}{{ if $found }}{{ $found.data.pw | b64dec | quote }}{{ else }}{{ randAlphaNum 8 | quote }}{{ end }}',
    )
    const cluster = { 'Secret/apps/old': secretOf({ pw: 'canary-1' }) }
    const side = await render({ files: chart(template), cluster })
    assert.equal(valueOf(side.desired?.[0]), 'canary-1')
    assert.equal(shownOf(side), shownOf(await render({ files: chart(template) })))
    const { ctx, reads } = createSideContext({ files: chart(template), cluster })
    assert.equal(shownOf(await renderSide(ctx, releaseOf(), withheld)), shownOf(side))
    assert.deepEqual(reads, [])
  })
})

const definition = `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: things.example.com }
spec: { group: example.com, scope: Namespaced, names: { kind: Thing, plural: things } }
`
