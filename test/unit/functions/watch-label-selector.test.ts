import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loadConfig } from '../../../functions/config.ts'

test('a label selector that is none is named at the start', () => {
  const read = (selector: string) => (name: string) =>
    ({
      CLUSTERS: '[{"name":"a","server":"https://a.example"}]',
      SETTINGS: JSON.stringify({ watchLabelSelector: selector }),
    })[name]
  for (const selector of ['', 'sharding.fluxcd.io/key=sluice', '!sharding.fluxcd.io/key', 'a in (b, c),d!=e'])
    assert.equal(loadConfig(read(selector)).settings.watchLabelSelector, selector)
  for (const selector of ['a in b', '=b', 'a=b,,'])
    assert.throws(() => loadConfig(read(selector)), /SETTINGS\.watchLabelSelector: must be a label selector/)
})
