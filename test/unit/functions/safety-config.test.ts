import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { loadConfig, type Config } from '../../../functions/config.ts'

const base: { readonly [name: string]: string } = {
  CLUSTERS: JSON.stringify([{ name: 'one', server: 'https://one.example', tokenSecret: 'ONE_TOKEN' }]),
  ONE_TOKEN: 'a-token-of-the-tests',
  TRIGGER_TOKEN: 'a-token-of-the-tests',
}

function load(env: { readonly [name: string]: unknown }): Config {
  const texts = Object.fromEntries(Object.entries(env).map(([name, value]) => [name, JSON.stringify(value)]))
  return loadConfig((name) => texts[name] ?? base[name])
}

const window = { name: 'weekend', kind: 'deny', when: 'fri 18:00-mon 08:00', timeZone: 'Europe/Berlin' }

describe('the configuration of what is held back', () => {
  it('has windows, switches and guards', () => {
    const { settings, clusters } = load({
      WINDOWS: [{ ...window, holds: ['changes'], clusters: ['prod-*'], override: false }],
      SETTINGS: {
        suspended: { by: 'ada', until: '2026-12-01T18:00:00Z' },
        pruneGuard: { kinds: ['Namespace'] },
        firstRun: 'plan',
        holdNamespace: '',
      },
      CLUSTERS: [{ name: 'one', server: 'https://one.example', tokenSecret: 'ONE_TOKEN', firstRun: 'apply' }],
    })
    assert.equal(settings.windows?.[0]?.override, false)
    assert.deepEqual(settings.suspended, { by: 'ada', until: Date.parse('2026-12-01T18:00:00Z') })
    // What is not said is as in the defaults.
    assert.deepEqual(settings.pruneGuard, { minObjects: 20, share: 0.5, maxObjects: 0, kinds: ['Namespace'] })
    assert.equal(settings.holdNamespace, '')
    assert.equal(clusters[0]?.firstRun, 'apply')
  })

  it('takes a text or a word for the switch of the deployment', () => {
    assert.deepEqual(load({ SETTINGS: { suspended: 'the audit' } }).settings.suspended, { reason: 'the audit' })
    assert.deepEqual(load({ SETTINGS: { suspended: true } }).settings.suspended, {})
    assert.equal(load({ SETTINGS: { suspended: false } }).settings.suspended, undefined)
  })

  const wrong: readonly { readonly name: string; readonly env: object; readonly says: RegExp }[] = [
    { name: 'a time zone', env: { WINDOWS: [{ ...window, timeZone: 'Berlin' }] }, says: /'Berlin' is no time zone/ },
    { name: 'a time', env: { WINDOWS: [{ ...window, when: 'weekends' }] }, says: /'weekends' does not say when/ },
    { name: 'a field', env: { WINDOWS: [{ ...window, until: 'x' }] }, says: /WINDOWS\.0/ },
    { name: 'what is held', env: { WINDOWS: [{ ...window, holds: ['everything'] }] }, says: /WINDOWS\.0\.holds/ },
    { name: 'an end', env: { SETTINGS: { suspended: { until: 'tomorrow' } } }, says: /SETTINGS\.suspended/ },
    { name: 'a first run', env: { SETTINGS: { firstRun: 'never' } }, says: /SETTINGS\.firstRun/ },
    { name: 'a namespace', env: { SETTINGS: { holdNamespace: 'a/b' } }, says: /must be the name of a namespace/ },
  ]
  for (const { name, env, says } of wrong) {
    it(`names ${name} that is wrong`, () => {
      assert.throws(
        () => load(env as { [name: string]: unknown }),
        (error: Error) => says.test(error.message) || assert.fail(error.message),
      )
    })
  }
})
