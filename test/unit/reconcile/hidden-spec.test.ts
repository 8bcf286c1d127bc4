import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { HelmRelease, Kustomization } from '../../../src/api/index.ts'
import { guessedNames } from '../../../src/reconcile/change/guessed-names.ts'
import { hiddenPaths } from '../../../src/reconcile/change/hidden-spec.ts'
import type { SideObject } from '../../../src/reconcile/change/types.ts'
import type { Examined } from '../../../src/reconcile/change/walk.ts'
import type { KubeObject } from '../../../src/resources/index.ts'
import { kustomizationOf, releaseOf } from '../../support/side-context.ts'

const owned = (manager: string, spec: object): object => ({
  managedFields: [{ manager, operation: 'Apply', apiVersion: 'v1', fieldsV1: { 'f:spec': spec } }],
})

const withFields = <T extends Kustomization | HelmRelease>(object: T, fields: object): T => ({
  ...object,
  metadata: { ...object.metadata, ...fields },
})

describe('values that only the cluster has', () => {
  const values = { db: { password: 'x', user: 'me' }, replicas: 2 }
  const inGit = { 'f:values': { 'f:db': { 'f:user': {} }, 'f:replicas': {} } }
  const live = withFields(releaseOf({ values }), owned('kustomize-controller', inGit))

  it('are those that no run has written and that the side does not render', () => {
    assert.deepEqual(hiddenPaths(live, live, undefined), [['spec', 'values', 'db', 'password']])
    const rendered = releaseOf({ values: { db: { password: 'x' } } }) as unknown as KubeObject
    assert.deepEqual(hiddenPaths(live, live, rendered), [])
    const byHand = withFields(releaseOf({ values }), owned('kubectl', inGit))
    assert.equal(hiddenPaths(byHand, byHand, undefined).length, 3)
  })

  it('are none where the side has another one, or the cluster does not have it at all', () => {
    const other = releaseOf({ values: { db: { password: 'y', user: 'me' }, replicas: 2 } })
    assert.deepEqual(hiddenPaths(other, live, undefined), [])
    assert.deepEqual(hiddenPaths(other, undefined, undefined), [])
  })

  it('are variables of a Kustomization, each for itself', () => {
    const spec = { postBuild: { substitute: { a: '1', b: '2' } } }
    const fields = owned('kustomize-controller', { 'f:postBuild': { 'f:substitute': { 'f:a': {} } } })
    const object = withFields(kustomizationOf(spec), fields)
    assert.deepEqual(hiddenPaths(object, object, undefined), [['spec', 'postBuild', 'substitute', 'b']])
  })
})

describe('names that may be guesses', () => {
  const item = (kind: string, name: string, isNameHidden = false): SideObject => ({
    id: name,
    shown: { apiVersion: 'v1', kind, metadata: { name } },
    hasPlaceholders: isNameHidden,
    ...(isNameHidden ? { isNameHidden } : {}),
  })
  it('are those with the hash of a generator, and those of a kind that has a name with a secret', () => {
    const base = { items: [item('Service', 'placeholder', true)] }
    const isGuessed = guessedNames([{ rendered: { base } } as unknown as Examined])
    assert.equal(isGuessed(item('Secret', 'login-7g2dtk96hm')), true)
    assert.equal(isGuessed(item('ConfigMap', 'settings-7g2dtk96hm')), true)
    assert.equal(isGuessed(item('ServiceAccount', 'login-7g2dtk96hm')), false)
    assert.equal(isGuessed(item('Secret', 'login')), false)
    assert.equal(isGuessed(item('Service', 'web')), true)
  })
})
