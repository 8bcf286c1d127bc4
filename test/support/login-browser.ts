import assert from 'node:assert/strict'

/** An answer as somebody's browser got it. */
export interface Seen {
  readonly status: number
  readonly location: string
  readonly text: string
  readonly headers: Headers
}

/** Somebody's browser, as far as logins and forms need one: it keeps cookies, and checks that they are set as they should be. */
export class LoginBrowser {
  readonly cookies = new Map<string, string>()
  readonly #send: (request: Request) => Promise<Response>
  readonly #base: string

  /** @param base where pages lie, as the browser names it. */
  constructor(send: (request: Request) => Promise<Response> | Response, base: string) {
    this.#send = (request) => Promise.resolve(send(request))
    this.#base = base
  }

  async get(path: string): Promise<Seen> {
    return this.#ask(path, {})
  }

  /** Sends a form, from a page of the same origin unless headers say otherwise. */
  async post(
    path: string,
    fields: { readonly [name: string]: string },
    headers: { readonly [name: string]: string } = {},
  ): Promise<Seen> {
    const { host, origin } = new URL(this.#base)
    return this.#ask(path, {
      method: 'POST',
      body: new URLSearchParams(fields),
      headers: { 'content-type': 'application/x-www-form-urlencoded', host, origin, ...headers },
    })
  }

  async #ask(path: string, init: RequestInit): Promise<Seen> {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const headers = { ...(init.headers as object), ...(cookie === '' ? {} : { cookie }) }
    const response = await this.#send(new Request(new URL(path, this.#base), { redirect: 'manual', ...init, headers }))
    for (const line of response.headers.getSetCookie()) {
      assert.match(line, /^__Host-[\w-]+=[^;]*; Path=\/; Max-Age=\d+; HttpOnly; Secure; SameSite=Lax$/)
      const [pair = ''] = line.split(';')
      const at = pair.indexOf('=')
      if (line.includes('Max-Age=0')) this.cookies.delete(pair.slice(0, at))
      else this.cookies.set(pair.slice(0, at), pair.slice(at + 1))
    }
    const { status } = response
    return {
      status,
      location: response.headers.get('location') ?? '',
      text: await response.text(),
      headers: response.headers,
    }
  }
}
