import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import type { HttpClient, KubeTransport, StateStore } from '../../src/ports/index.ts'
import { apiVersions } from '../../src/api/index.ts'
import { KubeTestError, type KubeTestClient, type TestObject } from './kube-test-client.ts'

/** Kinds of a namespace that may never show a secret: everything but Secrets that tests make. */
const shownKinds = [
  ...Object.entries(apiVersions).map(([kind, apiVersion]) => ({ apiVersion, kind })),
  { apiVersion: 'v1', kind: 'Event' },
  { apiVersion: 'events.k8s.io/v1', kind: 'Event' },
  { apiVersion: 'v1', kind: 'ConfigMap' },
  { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease' },
]

/** Where a canary was seen. */
export interface Leak {
  readonly name: string
  readonly place: string
}

/**
 * Secrets of a test that must show up nowhere but in Secrets: they are looked for, in every usual spelling, in all that is shown to `see`.
 *
 * @example
 *   const canaries = new Canaries()
 *   const password = canaries.make('password')       // put it into a Secret, a header, a file
 *   const made = await createScenario(cluster, { files, canaries })
 *   ...                                              // `made.close()` fails where it got out
 */
export class Canaries {
  readonly #values = new Map<string, string>()
  readonly #seen: { readonly place: string; readonly text: string }[] = []

  /** A new secret, unlike anything else. */
  make(name: string): string {
    const value = `canary-${name}-${randomBytes(12).toString('hex')}`
    this.add(name, value)
    return value
  }

  /** A secret that is there already. Short ones are found by chance, so they are refused. */
  add(name: string, value: string): void {
    assert.ok(value.length >= 9, `the canary ${name} is too short to be told from chance`)
    this.#values.set(name, value)
  }

  /** Something that anybody may see: a line of a log, an answer, a status. */
  see(place: string, text: string): void {
    this.#seen.push({ place, text })
  }

  /** Every place where a secret was seen. */
  leaks(): readonly Leak[] {
    return [...this.#values].flatMap(([name, value]) => {
      const needles = spellings(value)
      return this.#seen
        .filter(({ text }) => needles.some((needle) => text.includes(needle)))
        .map(({ place }) => ({ name, place }))
    })
  }

  /** Fails where a secret was seen. `places`: how many things at least must have been looked at, so that looking at nothing does not pass. */
  assertNone(places = 1): void {
    assert.ok(this.#seen.length >= places, `only ${this.#seen.length} places were looked at`)
    assert.deepEqual(this.leaks(), [])
  }

  /** Looks at all that is sent to the API server except for Secrets themselves, and at the answers to it. */
  watchTransport(transport: KubeTransport): KubeTransport {
    return {
      cluster: transport.cluster,
      send: async (request) => {
        const isSecret = /\/secrets(?:\/|\?|$)/.test(request.path)
        this.see(`path ${request.method} ${request.path}`, decodeURIComponent(request.path))
        if (!isSecret) this.see(`body of ${request.method} ${request.path}`, request.body ?? '')
        return await transport.send(request)
      },
    }
  }

  /** Looks at all that is sent to other services. */
  watchHttp(http: HttpClient): HttpClient {
    return {
      send: async (request) => {
        const body = typeof request.body === 'string' ? request.body : ''
        this.see(`request to ${request.url}`, JSON.stringify([request.url, request.headers, body]))
        return await http.send(request)
      },
    }
  }

  /** Looks at all records of a state store. */
  async seeState(state: StateStore): Promise<void> {
    for (let after: string | undefined; ;) {
      const entries = await state.list('', { limit: 100, ...(after === undefined ? {} : { after }) })
      for (const { key, value } of entries) this.see(`record ${key}`, JSON.stringify([key, value]))
      if (entries.length < 100) return
      after = entries.at(-1)?.key
    }
  }

  /** Looks at every object of a namespace but its Secrets: specs, statuses, annotations, events. */
  async seeNamespace(client: KubeTestClient, namespace: string): Promise<void> {
    await Promise.all(
      shownKinds.map(async (kind) => {
        for (const object of await listKnown(client, { ...kind, namespace }))
          this.see(`${kind.kind} ${object.metadata.name}`, JSON.stringify(object))
      }),
    )
  }

  /** Takes what stands in the Secrets of a namespace for secret, those of Helm's storage left out: a release holds its whole chart. */
  async addSecrets(client: KubeTestClient, namespace: string): Promise<void> {
    const secrets = await client.list({ apiVersion: 'v1', kind: 'Secret', namespace, name: '' })
    for (const secret of secrets) {
      if (secret['type'] === 'helm.sh/release.v1') continue
      for (const [key, encoded] of Object.entries((secret['data'] ?? {}) as { [key: string]: string })) {
        const value = Buffer.from(encoded, 'base64').toString()
        // Words that stand elsewhere for good reasons, and certificates, are no secrets.
        const isSecret = value.length >= 12 && !/^\S*\.(?:crt|pub)$|^known_hosts$|^username$|^ca\b/.test(key)
        if (isSecret) this.add(`${secret.metadata.name} ${key}`, value)
      }
    }
  }

  /** Looks at what our objects tell about themselves: their statuses and events. */
  async seeStatuses(client: KubeTestClient, namespace: string): Promise<void> {
    await Promise.all(
      Object.entries(apiVersions).map(async ([kind, apiVersion]) => {
        for (const object of await listKnown(client, { apiVersion, kind, namespace }))
          this.see(`status of ${kind} ${object.metadata.name}`, JSON.stringify(object['status'] ?? {}))
      }),
    )
    for (const event of await client.list({ apiVersion: 'v1', kind: 'Event', namespace, name: '' }))
      this.see(`event of ${event['involvedObject'].name}`, JSON.stringify(event))
  }

  /** Looks at an HTTP answer and hands it on. */
  async seeResponse(response: Response): Promise<Response> {
    this.see(`answer of ${response.url}`, JSON.stringify([...response.headers]) + (await response.clone().text()))
    return response
  }
}

/** How a secret looks where it is encoded: base64 at each of the three alignments, hex, URL, JSON once and twice. */
function spellings(value: string): readonly string[] {
  const bytes = Buffer.from(value)
  const aligned = [0, 1, 2].map((offset) => {
    const text = Buffer.concat([Buffer.alloc(offset), bytes]).toString('base64')
    // Characters at both ends also depend on what stands beside the value.
    return text.slice(offset === 0 ? 0 : 4, text.length - 4)
  })
  return [
    value,
    ...aligned,
    ...aligned.map((text) => text.replaceAll('+', '-').replaceAll('/', '_')),
    bytes.toString('hex'),
    encodeURIComponent(value),
    JSON.stringify(value).slice(1, -1),
    JSON.stringify(JSON.stringify(value)).slice(3, -3),
  ]
}

/** What there is of a kind; nothing where the cluster does not know the kind. */
async function listKnown(
  client: KubeTestClient,
  of: { readonly apiVersion: string; readonly kind: string; readonly namespace: string },
): Promise<readonly TestObject[]> {
  try {
    return await client.list(of)
  } catch (error) {
    if (error instanceof KubeTestError && error.status === 404) return []
    throw error
  }
}
