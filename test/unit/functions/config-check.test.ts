import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { loadConfig } from '../../../functions/config.ts'
import { checkConfig, redactedConfig } from '../../../functions/node/check-config.ts'
import { readEnvFile } from '../../../functions/node/env-file.ts'
import { describeStartFailure } from '../../../functions/node/start-failure.ts'
import { startNode } from '../../../functions/node.ts'
import { toErrorResponse } from '../../../functions/http-errors.ts'
import { isKnownSetting } from '../../../functions/setting-names.ts'
import { createMemoryLogger } from '../../support/memory-ports.ts'

const directory = mkdtempSync(join(tmpdir(), 'sluice-config-'))
after(() => rmSync(directory, { recursive: true }))

function file(name: string, text: string): string {
  writeFileSync(join(directory, name), text, { mode: 0o600 })
  return join(directory, name)
}

const good = {
  CLUSTERS: '[{"name":"prod","server":"https://k.example:6443","tokenSecret":"PROD_TOKEN"}]',
  PROD_TOKEN: 'a-token-of-the-cluster',
  TRIGGER_TOKEN: '["first-token-of-triggers","second-token-of-triggers"]',
  OTEL_EXPORTER_OTLP_ENDPOINT: 'https://otel.example',
  OTEL_EXPORTER_OTLP_HEADERS: 'api-key=canary%20of%20the%20collector',
}
const fields = (list: readonly { readonly field?: string }[]): readonly (string | undefined)[] =>
  list.map((one) => one.field)

void describe('checking a configuration', () => {
  void it('names everything that is wrong at once, and shows no value', () => {
    const { errors, config } = checkConfig(
      {
        CLUSTERS: '[{"name":"prod","server":"https://k.example","tokenSecret":"PROD_TOKEN"}]',
        TRIGGER_TOKEN: 'canary',
        SETTINGS: '{"drift":"canary-of-settings"}',
        PORT: 'canary-of-port',
        GITHUB_REDELIVERY: 'canary no json',
        SCAN_INTERVAL_SECONDS: '-1',
      },
      'node',
    )
    assert.equal(config, undefined)
    assert.deepEqual(
      new Set(fields(errors)),
      new Set([
        'CLUSTERS.prod.tokenSecret',
        'GITHUB_REDELIVERY',
        'PORT',
        'SCAN_INTERVAL_SECONDS',
        'SETTINGS.drift',
        'TRIGGER_TOKEN',
      ]),
    )
    assert.ok(!JSON.stringify(errors).includes('canary'))
  })
  void it('warns of a name that nothing reads, and of a file that is not there', () => {
    const { errors, warnings } = checkConfig(
      { ...good, TRIGER_TOKEN: 'x', READ_TOKEN_FILE: join(directory, 'missing') },
      'node',
    )
    assert.deepEqual([fields(warnings), fields(errors)], [['TRIGER_TOKEN'], ['READ_TOKEN_FILE']])
  })
  void it('what it comes to holds no secret, no member of a list of them, and nothing of a header', () => {
    const checked = checkConfig({ ...good, READ_TOKEN_FILE: file('token', 'token-in-a-file\n') }, 'node')
    const text = JSON.stringify(redactedConfig(checked))
    for (const secret of ['token-of-triggers', 'a-token-of', 'token-in-a-file', 'canary'])
      assert.ok(!text.includes(secret), secret)
    assert.match(text, /"triggerTokens":\["\*\*\*","\*\*\*"\]/)
    assert.match(text, /"tokenSecret":"PROD_TOKEN"/)
    assert.deepEqual(
      checked.settings.map(({ name, isSecret }) => [name, isSecret]),
      [
        ['CLUSTERS', false],
        ['OTEL_EXPORTER_OTLP_ENDPOINT', false],
        ['OTEL_EXPORTER_OTLP_HEADERS', true],
        ['PROD_TOKEN', true],
        ['READ_TOKEN', true],
        ['TRIGGER_TOKEN', true],
      ],
    )
  })
  void it('says what a Worker cannot do', () => {
    const clusters = [
      { name: 'a', kubeconfig: { path: '/k' } },
      { name: 'b', server: 'https://k.example', clientCertSecret: 'CERT', clientKeySecret: 'KEY' },
      { name: 'c', server: 'https://k.example', insecureSkipVerify: true, ca: '-----BEGIN CERTIFICATE-----' },
    ]
    const env = { CLUSTERS: JSON.stringify(clusters), CERT: 'certificate', KEY: 'k'.repeat(6000), PORT: '80' }
    const { errors, warnings } = checkConfig(env, 'cloudflare')
    assert.deepEqual(fields(errors), [
      'KEY',
      'CLUSTERS.a.kubeconfig',
      'CLUSTERS.b.clientCertSecret',
      'CLUSTERS.c.insecureSkipVerify',
    ])
    assert.deepEqual(fields(warnings), ['PORT', 'CLUSTERS.c.ca'])
    assert.deepEqual(checkConfig(env, 'node').errors, [])
  })
  void it('every variable that the configuration reads is either known to be harmless or known to be secret', () => {
    const names = new Set<string>()
    loadConfig((name) => {
      names.add(name)
      return name === 'CLUSTERS' ? '[{"name":"a","server":"https://k.example"}]' : undefined
    })
    assert.deepEqual(
      [...names].filter((name) => !isKnownSetting(name)),
      [],
      'add them to functions/setting-names.ts',
    )
  })
})

void describe('a file of variables', () => {
  void it('is read as systemd and Node do', () => {
    const path = file('good.env', `# comment\nA=1\n\nB='{"a": "b c"}'\nC="two\nlines"\nexport D=x # why\n`)
    assert.deepEqual({ ...readEnvFile(path) }, { A: '1', B: '{"a": "b c"}', C: 'two\nlines', D: 'x' })
  })
  void it('with lines that are no assignment is refused by their numbers, without their text', () => {
    assert.throws(
      () => readEnvFile(file('bad.env', 'A=1\ncanary\nB=2\n{"canary": 1}\n')),
      (error: Error) => {
        assert.match(error.message, /line 2, 4 /)
        assert.ok(!error.message.includes('canary'))
        return true
      },
    )
    assert.throws(() => readEnvFile(join(directory, 'none.env')), { code: 'env-file-unreadable', message: /ENOENT/ })
  })
})

void describe('a deployment whose configuration is wrong', () => {
  const wrong = { CLUSTERS: '[{"name":"prod","server":"https://k.example","tokenSecret":"PROD_TOKEN"}]', PORT: 'x' }
  void it('does not start on Node: every error on a line of its own, and the exit code that stops restarts', async () => {
    const caught = await startNode(wrong).then(
      () => undefined,
      (error: unknown) => error,
    )
    const { text, exitCode } = describeStartFailure(caught)
    assert.equal(exitCode, 78)
    assert.match(
      text,
      /^Sluice does not start: .*\n {2}CLUSTERS\.prod\.tokenSecret: there is .*\n {2}PORT: must be .*\n$/,
    )
  })
  void it('answers every request on Workers with the names of the variables, and logs the rest', async () => {
    const logger = createMemoryLogger()
    const response = toErrorResponse(await startNode(wrong).catch((error: unknown) => error), logger)
    assert.equal(response.status, 500)
    const text = await response.text()
    assert.deepEqual(JSON.parse(text), {
      error: {
        code: 'config-invalid',
        message: 'the configuration of the deployment is wrong: CLUSTERS, PORT; its log says how',
      },
      variables: ['CLUSTERS', 'PORT'],
    })
    assert.ok(!text.includes('prod'))
    assert.equal(logger.lines.length, 2)
  })
})
