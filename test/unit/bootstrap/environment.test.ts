import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { mergeEnvironment, parseEnvironment, shownEnvironment, tokenVariable } from '../../../src/bootstrap/index.ts'

describe('the environment file', () => {
  it('keeps what others have written, and sets what is asked for', () => {
    const text = '# ours\nA=1\n\nB=two words\n'
    assert.equal(mergeEnvironment(text, { B: '2', C: '["x"]' }), '# ours\nA=1\n\nB=2\nC=["x"]\n')
    assert.equal(mergeEnvironment('', { A: '1' }), 'A=1\n')
    assert.equal(mergeEnvironment('A=1', {}), 'A=1\n')
    assert.deepEqual(parseEnvironment(mergeEnvironment(text, { C: '["x"]' }), 'f'), {
      A: '1',
      B: 'two words',
      C: '["x"]',
    })
  })

  it('refuses values that its readers would not read alike, without showing them', () => {
    for (const value of ['canary\nB=2', 'canary\\n', '"canary"', "'canary", ' canary', 'canary '])
      assert.throws(
        () => mergeEnvironment('', { A: value }),
        (error: Error) => /the value of A cannot stand/.test(error.message) && !error.message.includes('canary'),
      )
  })

  it('says which line is none, without its text', () => {
    assert.throws(() => parseEnvironment('A=1\ncanary\n', 'sluice.env'), {
      code: 'environment-invalid',
      message: 'sluice.env:2: this is no line of the form NAME=value',
    })
  })

  it('shows secrets to nobody', () => {
    assert.equal(
      shownEnvironment({ CLUSTERS: `[{"name":"a","ca":"${'Q'.repeat(99)}"}]`, A_TOKEN: 'canary' }),
      `CLUSTERS=[{"name":"a","ca":"${'Q'.repeat(24)}…"}]\nA_TOKEN=***\n`,
    )
  })

  it('has a variable for the token of each cluster', () => {
    assert.deepEqual(['prod', 'eu-1.prod', '1st'].map(tokenVariable), [
      'PROD_TOKEN',
      'EU_1_PROD_TOKEN',
      'CLUSTER_1ST_TOKEN',
    ])
  })
})
