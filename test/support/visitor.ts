import assert from 'node:assert/strict'
import { loadConfig } from '../../functions/config.ts'
import { csrfToken } from '../../functions/csrf.ts'
import { signInWithToken } from './sign-in.ts'

/** A deployment, and the variables that it was started with. */
export interface VisitedDeployment {
  readonly deployment: { readonly url: string }
  readonly env: { readonly [name: string]: string }
}

/** Somebody who has signed in. */
export class Visitor {
  readonly #origin: string
  readonly #cookie: string
  readonly #env: VisitedDeployment['env']

  private constructor(origin: string, cookie: string, env: VisitedDeployment['env']) {
    this.#origin = origin
    this.#cookie = cookie
    this.#env = env
  }

  static async come({ deployment, env }: VisitedDeployment, token: string): Promise<Visitor> {
    const send = (path: string, init: RequestInit): Promise<Response> => fetch(deployment.url + path, init)
    return new Visitor(deployment.url, await signInWithToken(send, token, deployment.url), env)
  }

  async read(path: string): Promise<string> {
    const response = await fetch(this.#origin + path, { headers: { cookie: this.#cookie } })
    assert.equal(response.status, 200, path)
    return response.text()
  }

  /** What a form of this session carries, also where no page offers it. */
  tokenFor(action: string): Promise<string> {
    const request = new Request(this.#origin, { headers: { cookie: this.#cookie } })
    return csrfToken({ config: loadConfig((name) => this.#env[name]) }, request, action)
  }

  send(action: string, fields: { readonly [name: string]: string }, origin = this.#origin): Promise<Response> {
    return fetch(`${this.#origin}/ui/actions/${action}`, {
      method: 'POST',
      redirect: 'manual',
      headers: { origin, cookie: this.#cookie },
      body: new URLSearchParams(fields),
    })
  }

  /** The page that an action leads to. */
  async follow(answer: Response): Promise<string> {
    assert.equal(answer.status, 303, await answer.clone().text())
    return this.read(answer.headers.get('location') ?? '')
  }
}

/** The fields of the form for an action on a page; undefined where there is none. */
export function formOf(page: string, action: string): { readonly [name: string]: string } | undefined {
  const form = new RegExp(`<form method="post" action="/ui/actions/${action}"[^>]*>([^]*?)</form>`).exec(page)?.[1]
  if (form === undefined) return undefined
  const fields = form.matchAll(/<input[^>]*name="([^"]+)" value="([^"]*)"/g)
  return Object.fromEntries([...fields].map(([, name = '', value = '']) => [name, value]))
}
