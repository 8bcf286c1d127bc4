import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import { planOf, propose, startApplications } from '../support/change-plans.ts'
import { useCluster } from '../support/cluster.ts'
import { createScenario, type Scenario } from '../support/scenario.ts'

const cluster = useCluster()
const open: Scenario[] = []

after(async () => {
  for (const made of open) await made.close()
})

const configMap = (name: string, data: string): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${name}\n  namespace: $NAMESPACE\ndata: ${data}\n`

const kustomization = (name: string, path: string, more = ''): string => `apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: { name: ${name}, namespace: $NAMESPACE }
spec:
  interval: 1h
  path: ${path}
  prune: true
  sourceRef: { kind: GitRepository, name: app }
${more}`

async function uidOf(made: Scenario, name: string): Promise<string | undefined> {
  const found = await made.client.find({ apiVersion: 'v1', kind: 'ConfigMap', namespace: made.namespace, name })
  return found?.metadata.uid
}

/** Who applies an object now. */
async function ownerOf(made: Scenario, name: string): Promise<string | undefined> {
  const found = await made.client.get({ apiVersion: 'v1', kind: 'ConfigMap', namespace: made.namespace, name })
  return found.metadata.labels?.['kustomize.toolkit.fluxcd.io/name']
}

describe('an object that a plan says moves', () => {
  const directions = [
    { name: 'to an application that is worked on later', from: 'a', to: 'b', more: '' },
    { name: 'to an application that is worked on earlier', from: 'b', to: 'a', more: '' },
    { name: 'to one that waits for the one it leaves', from: 'a', to: 'b', more: '  dependsOn: [{ name: a }]\n' },
  ]
  for (const { name, from, to, more } of directions) {
    it(`${name} is the same object after the run`, async () => {
      const made = await createScenario(cluster, {
        files: {
          [`${from}/moves.yaml`]: configMap('moves', '{ x: "1" }'),
          [`${from}/stays.yaml`]: configMap('stays', '{ x: "1" }'),
          [`${to}/other.yaml`]: configMap('other', '{ x: "1" }'),
        },
      })
      open.push(made)
      await startApplications(made, kustomization(from, `./${from}`), kustomization(to, `./${to}`, more))
      const before = await uidOf(made, 'moves')
      const files = { [`${from}/moves.yaml`]: null, [`${to}/moves.yaml`]: configMap('moves', '{ x: "2" }') }
      const { actions } = await planOf(made, await propose(made, files))
      assert.deepEqual(actions(`Kustomization/${from}`), ['moves move change'])
      assert.deepEqual(actions(`Kustomization/${to}`), ['moves move change'])
      const record = await made.push(files)
      assert.equal(record.state, 'succeeded', JSON.stringify(record).slice(0, 2000))
      assert.equal(await uidOf(made, 'moves'), before)
      assert.equal(await ownerOf(made, 'moves'), to)
    })
  }

  it('to an application that the same change brings is the same object after the run', async () => {
    const made = await createScenario(cluster, {
      files: {
        'clusters/old.yaml': kustomization('old', './old'),
        'old/moves.yaml': configMap('moves', '{ x: "1" }'),
        'old/stays.yaml': configMap('stays', '{ x: "1" }'),
      },
    })
    open.push(made)
    await startApplications(made, kustomization('root', './clusters'))
    await made.scan()
    const before = await uidOf(made, 'moves')
    assert.notEqual(before, undefined)
    const files = {
      'clusters/new.yaml': kustomization('new', './new'),
      'old/moves.yaml': null,
      'new/moves.yaml': configMap('moves', '{ x: "1" }'),
    }
    const { actions } = await planOf(made, await propose(made, files))
    assert.deepEqual(actions('Kustomization/old'), ['moves move change'])
    assert.deepEqual(actions('Kustomization/new'), ['moves move change'])
    const record = await made.push(files)
    assert.equal(record.state, 'succeeded', JSON.stringify(record).slice(0, 2000))
    assert.equal(await uidOf(made, 'moves'), before)
    assert.equal(await ownerOf(made, 'moves'), 'new')
  })

  it('because its application has another name is the same object after the run', async () => {
    const made = await createScenario(cluster, {
      files: {
        'clusters/app.yaml': kustomization('old', './app'),
        'clusters/keep.yaml': kustomization('keep', './keep'),
        'app/a.yaml': configMap('moves', '{ x: "1" }'),
        'keep/k.yaml': configMap('keep', '{ x: "1" }'),
      },
    })
    open.push(made)
    await startApplications(made, kustomization('root', './clusters'))
    await made.scan()
    const before = await uidOf(made, 'moves')
    assert.notEqual(before, undefined)
    const files = { 'clusters/app.yaml': kustomization('new', './app') }
    const { actions } = await planOf(made, await propose(made, files))
    assert.deepEqual(actions('Kustomization/old'), ['moves move change'])
    assert.deepEqual(actions('Kustomization/new'), ['moves move change'])
    await made.push(files)
    await made.scan()
    assert.equal(await uidOf(made, 'moves'), before)
    assert.equal(await ownerOf(made, 'moves'), 'new')
  })
})
