import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseYaml } from '../../src/yaml/index.ts'
import { makeCertificates } from '../support/certificates.ts'
import { startDeployment } from '../support/deployment.ts'
import { startTlsFront } from '../support/fronts.ts'
import { runPage } from './run-page.ts'

runPage('infra/docs/identity.md', {
  before: async (scene) => {
    const certificates = makeCertificates()
    const ca = await scene.write(join(scene.home, 'ca.pem'), certificates.ca)
    // Its address is known before it runs, as that of any deployment.
    let target = '127.0.0.1:9'
    const front = await startTlsFront(() => target, { certificates })
    scene.defer(() => front.close())
    const deployment = await startDeployment('node', {
      clusters: [{ name: 'production', server: 'https://127.0.0.1:1', identity: { kind: 'oidc' } }] as never,
      settings: { publicUrl: `https://${front.host}` },
      env: { ISSUER_KEY: 'a secret of more than thirty-two characters' },
    })
    scene.defer(() => deployment.stop())
    target = new URL(deployment.url).host
    return { PUBLIC_URL: `https://${front.host}`, CURL_CA_BUNDLE: ca }
  },
  after: {
    'openssl rand': ({ output }) => assert.match(output.trim(), /^[A-Za-z0-9+/=]{44}$/),
    'curl --fail': ({ output }) => {
      assert.match(output, /"jwks_uri":"https:\/\/127\.0\.0\.1:\d+\/\.well-known\/jwks\.json"/)
      assert.match(output, /"alg":"ES256"/)
      assert.doesNotMatch(output, /"d":/)
    },
    'sluice issuer': async (_ran, scene) => {
      const text = await readFile(join(scene.directory, 'authentication.yaml'), 'utf8')
      const { kind, jwt } = parseYaml(text, { dialect: 'sigs' }) as unknown as {
        readonly kind: string
        readonly jwt: readonly { readonly issuer: { readonly url: string; readonly audiences: readonly string[] } }[]
      }
      assert.equal(kind, 'AuthenticationConfiguration')
      assert.match(jwt[0]?.issuer.url ?? '', /^https:\/\/127\.0\.0\.1:\d+$/)
      assert.deepEqual(jwt[0]?.issuer.audiences, ['sluice:production'])
    },
  },
})
