import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:http'
import { after, before, describe, it } from 'node:test'
import { examineIssuer } from '../../../src/cli/verbs/doctor-issuer.ts'
import { listen } from '../../support/signed-requests.ts'

interface Answers {
  readonly issuer?: string
  readonly keys?: unknown
  readonly cacheControl?: string
  readonly status?: number
  readonly text?: string
}

let answers: Answers = {}
let server: Server
let url = ''
before(async () => {
  server = createServer((request, response) => {
    const { issuer = url, keys = [{}], cacheControl = 'public, max-age=20', status = 200, text } = answers
    const document = request.url === '/keys' ? { keys } : { issuer, jwks_uri: `${url}/keys` }
    response.writeHead(status, { 'content-type': 'application/json', 'cache-control': cacheControl })
    response.end(text ?? JSON.stringify(document))
  })
  url = await listen(server)
})
after(async () => {
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
})

describe('what an issuer publishes', () => {
  const rows: readonly (readonly [string, Answers, 'ok' | 'warning' | 'problem', RegExp])[] = [
    ['as it should be', {}, 'ok', /publishes 1 key$/],
    ['in the middle of a rotation', { keys: [{}, {}] }, 'ok', /publishes 2 keys$/],
    ['of somebody else', { issuer: 'https://other.example' }, 'problem', /another issuer: https:\/\/other\.example/],
    ['without keys', { keys: [] }, 'problem', /has no keys/],
    ['kept by a cache', { cacheControl: 'public, s-maxage=1, max-age=3600' }, 'warning', /kept for 3600 s/],
    ['not there', { status: 404 }, 'problem', /answers 404/],
    ['a page', { text: '<html>' }, 'problem', /does not answer with JSON/],
    ['without an end', { text: ' '.repeat(300_000) }, 'problem', /too much/],
  ]
  for (const [what, given, state, message] of rows) {
    it(what, async () => {
      answers = given
      const [finding] = await examineIssuer(url)
      assert.equal(finding?.state, state, finding?.message)
      assert.match(finding?.message ?? '', message)
      assert.equal(finding?.fix !== undefined, state !== 'ok')
    })
  }
  it('cannot be reached', async () => {
    const [finding] = await examineIssuer('http://127.0.0.1:9')
    assert.equal(finding?.state, 'problem')
    assert.match(finding?.message ?? '', /cannot be fetched/)
  })
})
