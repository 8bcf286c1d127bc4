import assert from 'node:assert/strict'
import { before as beforeAll, describe, it } from 'node:test'
import fc from 'fast-check'
import { toEngineError } from '../../../src/base/index.ts'
import { createPlaceholders } from '../../../src/reconcile/change/placeholders.ts'
import { renderSide } from '../../../src/reconcile/change/render-side.ts'
import type { Workload } from '../../../src/reconcile/index.ts'
import {
  createSideContext,
  kustomizationOf,
  releaseOf,
  secretOf,
  shownOf,
  type SideWorld,
} from '../../support/side-context.ts'
import { createSopsEncrypter, type SopsEncrypter } from '../../support/sops-encrypt.ts'
import { fixtureKey } from '../../support/sops-fixtures.ts'

const placeholders = createPlaceholders(new Uint8Array(32).fill(3))
const canary = 'canary'

/** Counts sides that could be rendered. */
let count = 0

/** What everybody may learn: the side, or the error. What is applied is left out. */
async function learn(world: SideWorld, object: Workload, secrets: 'used' | 'withheld' = 'used'): Promise<string> {
  try {
    const shown = shownOf(await renderSide(createSideContext(world).ctx, object, { placeholders, secrets }))
    count++
    return shown
  } catch (caught) {
    const { code, message, reason, disposition } = toEngineError(caught)
    return JSON.stringify({ code, message, reason, disposition })
  }
}

/** Values of secrets: canaries with letters that mean something somewhere, and short ones, which authors guess. */
const secretText = fc.oneof(
  fc.string({ maxLength: 12 }).map((text) => `${canary}${text}`),
  fc.constantFrom(
    '',
    'a',
    'true',
    '5',
    '-1',
    'null',
    '{a: 1}',
    '[1, 2]',
    'x: y',
    '${a}',
    '{{ .Values }}',
    '"',
    "'",
    '#',
    'a,b=c',
  ),
  fc.stringMatching(/^[ -~]{0,20}$/),
)

const envsubst = fc.constantFrom(
  '${pw}',
  '${pw:-none}',
  '${pw:=none}',
  '${pw:+some}',
  '${pw:0:1}',
  '${#pw}',
  '${pw^^}',
  '${pw,,}',
  '${pw##[!a]*}',
  '${pw%%[!a]*}',
  '${pw#a}',
  '${pw/a/b}',
  '${pw//canary/x}',
  '${other:=${pw}}',
  '$${pw}',
  'plain',
)

const expressions = fc.constantFrom(
  '{{ .Values.auth.pw }}',
  '{{ .Values.auth.pw | quote }}',
  '{{ .Values.auth.pw | upper | trunc 3 | quote }}',
  '{{ .Values.auth.pw | sha256sum }}',
  '{{ .Values.auth.pw | b64enc | b64dec | quote }}',
  '{{ len (toString .Values.auth.pw) }}',
  '{{ if .Values.auth.pw }}set{{ else }}unset{{ end }}',
  '{{ if hasPrefix "canary" (toString .Values.auth.pw) }}yes{{ else }}no{{ end }}',
  '{{ if contains "a" (toString .Values.auth.pw) }}{{ .Values.auth.pw | quote }}{{ end }}',
  '{{ ternary "right" "wrong" (eq (toString .Values.auth.pw) "true") }}',
  '{{ add 1 (int .Values.auth.pw) }}',
  '{{ .Values | toJson | quote }}',
  '{{ keys .Values.auth | sortAlpha | join "," | quote }}',
  '{{ randAlphaNum (min 20 (len (toString .Values.auth.pw)) | int) | quote }}',
  '{{ fromYaml (toString .Values.auth.pw) | toJson | quote }}',
  '{{ tpl (toString .Values.auth.pw) . | quote }}',
  '{{ .Values.plain }}',
)

/** An object with secrets in any of its places. */
const objectText = (part: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc
    .record({
      kind: fc.constantFrom('ConfigMap', 'Secret', 'Custom'),
      name: fc.oneof({ arbitrary: fc.constant('a'), weight: 4 }, { arbitrary: part, weight: 1 }),
      label: part,
      key: fc.oneof({ arbitrary: fc.constant('k'), weight: 4 }, { arbitrary: part, weight: 1 }),
      values: fc.array(part, { maxLength: 3 }),
    })
    .map(
      ({ kind, name, label, key, values }) =>
        `apiVersion: ${kind === 'Custom' ? 'example.com/v1' : 'v1'}\nkind: ${kind}\nmetadata:\n  name: '${name.replaceAll("'", '')}'\n  labels: { l: '${label.replaceAll("'", '')}' }\ndata:\n  plain: "1"\n  '${key.replaceAll("'", '')}': x\n  list:\n${values.map((value) => `  - ${value}\n`).join('')}`,
    )

const settings = { numRuns: 150 }

/** Runs a property, which must not only have met what does not render. */
async function hold<T>(property: fc.IAsyncProperty<T>, rendered: () => number): Promise<void> {
  await fc.assert(property, settings)
  assert.ok(rendered() > settings.numRuns / 4, `only ${rendered()} could be rendered`)
}

describe('what everybody may learn of a Kustomization', () => {
  let sops: SopsEncrypter
  beforeAll(async () => {
    sops = await createSopsEncrypter()
  })

  it('does not depend on a variable from a Secret or a ConfigMap of the cluster', async () => {
    const before = count
    await hold(
      fc.asyncProperty(
        fc.array(objectText(envsubst), { minLength: 1, maxLength: 3 }),
        secretText,
        secretText,
        fc.constantFrom('Secret', 'ConfigMap'),
        async (objects, one, other, kind) => {
          const files = Object.fromEntries(
            objects.map((text, index) => [`app/${index}.yaml`, text.replace("name: 'a'", `name: 'a${index}'`)]),
          )
          const object = kustomizationOf({ postBuild: { substituteFrom: [{ kind, name: 's' }] } })
          const learned = async (pw: string): Promise<string> => {
            const found = kind === 'Secret' ? secretOf({ pw }) : { data: { pw } }
            return await learn({ files, cluster: { [`${kind}/apps/s`]: found } }, object)
          }
          assert.equal(await learned(one), await learned(other))
          assert.equal((await learned(`${canary}-1234`)).includes(`${canary}-1234`), false)
        },
      ),
      () => count - before,
    )
  })

  it('of encrypted files and objects is what somebody without keys learns', async () => {
    const keys = { 'Secret/apps/keys': secretOf({ 'age.agekey': new TextDecoder().decode(fixtureKey('one.agekey')) }) }
    const object = kustomizationOf({ decryption: { provider: 'sops', secretRef: { name: 'keys' } } })
    const tree = fc.letrec((tie) => ({
      leaf: secretText.map((text) => ({ text })),
      list: fc.array(tie('node'), { maxLength: 3 }),
      map: fc.dictionary(fc.stringMatching(/^[a-z][a-z0-9_]{0,6}$/), tie('node'), { maxKeys: 3 }),
      node: fc.oneof({ maxDepth: 3 }, tie('leaf'), tie('leaf'), tie('list'), tie('map')),
    }))
    const encrypt = (node: unknown, path: readonly string[]): unknown => {
      if (Array.isArray(node)) return node.map((item) => encrypt(item, path))
      const entries = Object.entries(node as { readonly [key: string]: unknown })
      if (typeof (node as { text?: unknown }).text === 'string')
        return sops.value((node as { text: string }).text, path)
      return Object.fromEntries(entries.map(([key, item]) => [key, encrypt(item, [...path, key])]))
    }
    const before = count
    await hold(
      fc.asyncProperty(
        fc.dictionary(fc.stringMatching(/^[b-s][a-z]{0,6}$/), tree.node, { minKeys: 1, maxKeys: 3 }),
        secretText,
        async (content, bytes) => {
          const spec = JSON.stringify(encrypt(content, ['spec']))
          const files = {
            'app/kustomization.yaml': 'resources: [a.yaml]\nsecretGenerator:\n- name: g\n  files: [file.bin]\n',
            'app/a.yaml': `apiVersion: example.com/v1\nkind: Custom\nmetadata: { name: a }\nspec: ${spec}\n${sops.metadata('encrypted_regex: ^spec$')}`,
            'app/file.bin': sops.json(`${canary}-${bytes}`),
          }
          const used = await learn({ files, cluster: keys }, object)
          assert.equal(used, await learn({ files }, object, 'withheld'))
          assert.equal(used.includes(canary), false)
          assert.equal(used.includes('ENC['), false)
        },
      ),
      () => count - before,
    )
  })
})

describe('what everybody may learn of a HelmRelease', () => {
  const chart = (objects: readonly string[]): SideWorld['files'] => ({
    'chart/Chart.yaml': 'apiVersion: v2\nname: app\nversion: 1.0.0\n',
    'chart/values.yaml': 'plain: 1\nauth: { pw: default, hosts: [] }\n',
    ...Object.fromEntries(
      objects.map((text, index) => [`chart/templates/${index}.yaml`, text.replace("name: 'a'", `name: 'a${index}'`)]),
    ),
  })

  it('does not depend on a value at one place', async () => {
    const before = count
    await hold(
      fc.asyncProperty(
        fc.array(objectText(expressions), { minLength: 1, maxLength: 3 }),
        secretText,
        secretText,
        async (objects, one, other) => {
          const from = { kind: 'Secret', name: 's', valuesKey: 'pw', targetPath: 'auth.pw', literal: true }
          const learned = async (pw: string): Promise<string> =>
            await learn(
              { files: chart(objects), cluster: { 'Secret/apps/s': secretOf({ pw }) } },
              releaseOf({ valuesFrom: [from] }),
            )
          assert.equal(await learned(one), await learned(other))
          assert.equal((await learned(`${canary}-1234`)).includes(`${canary}-1234`), false)
        },
      ),
      () => count - before,
    )
  })

  it('does not depend on what a file of values holds where names are not known, nor on any text in it', async () => {
    const content = fc.record({
      auth: fc.record({
        pw: fc.oneof(secretText, fc.integer(), fc.boolean(), fc.constant(null)),
        hosts: fc.array(secretText, { minLength: 1, maxLength: 4 }),
      }),
      // At least one name that nobody knows, with anything behind it.
      secret: fc.constant('x'),
      other: fc.dictionary(fc.stringMatching(/^zz[a-z]{1,5}$/), fc.jsonValue(), { minKeys: 1, maxKeys: 3 }),
    })
    const before = count
    await hold(
      fc.asyncProperty(
        fc.array(objectText(expressions), { minLength: 1, maxLength: 3 }),
        content,
        content,
        async (objects, one, other) => {
          const learned = async ({ auth, other: more }: typeof one): Promise<string> => {
            const text = JSON.stringify({ auth, ...more })
            const world = { files: chart(objects), cluster: { 'Secret/apps/s': secretOf({ 'values.yaml': text }) } }
            return await learn(world, releaseOf({ valuesFrom: [{ kind: 'Secret', name: 's' }] }))
          }
          assert.equal(await learned(one), await learned(other))
        },
      ),
      () => count - before,
    )
  })
})
