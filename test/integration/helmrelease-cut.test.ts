import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { useCluster } from '../support/cluster.ts'
import { everyCut, maps, once, requestsOf, value, type Cuttable } from '../support/release-cuts.ts'

const cluster = useCluster()

describe('a release whose run is killed at any request', () => {
  it('while installing: the next run ends as if nothing had happened', async (t) => {
    const prepare = (one: Cuttable): Promise<void> => one.made.release(value('one'))
    const requests = await requestsOf(cluster, prepare)
    t.diagnostic(`${requests.length} requests, ${requests.filter((method) => method !== 'GET').length} of them writes`)
    await everyCut(cluster, requests, prepare, async (one, where) => {
      assert.deepEqual(await one.made.revisions(), ['v1 deployed'], where)
      assert.deepEqual(await maps(one.made), ['kept=one', 'old=one'], where)
      assert.equal(await one.made.condition('Ready'), 'True InstallSucceeded', where)
      await once(one, ['after'], where)
    })
  })

  it('while upgrading with hooks: the next run ends as if nothing had happened', async (t) => {
    const prepare = async (one: Cuttable): Promise<void> => {
      await one.made.release(value('one'))
      await one.made.reconcile()
      await one.made.release(value('two'))
    }
    const requests = await requestsOf(cluster, prepare)
    t.diagnostic(`${requests.length} requests, ${requests.filter((method) => method !== 'GET').length} of them writes`)
    await everyCut(cluster, requests, prepare, async (one, where) => {
      assert.deepEqual(await one.made.revisions(), ['v1 superseded', 'v2 deployed'], where)
      assert.deepEqual(await maps(one.made), ['kept=two', 'new=two'], where)
      assert.equal(await one.made.condition('Ready'), 'True UpgradeSucceeded', where)
      await once(one, ['before'], where)
    })
  })
})
