import { readFileSync } from 'node:fs'
import { EngineError, isEngineError, toEngineError } from '../../base/index.ts'
import { usageError } from '../exit-codes.ts'
import type { Terminal } from '../terminal/terminal.ts'
import { durationFlag, type TargetFlags } from './flags.ts'

/** A deployment that is asked over HTTP. Errors are EngineErrors: `deployment-unreachable`, `deployment-unauthorized`, `not-found`, `deployment-refused`. */
export interface Deployment {
  readonly url: string
  readonly timeoutMs: number
  /** An answer as JSON. */
  get(path: string, query?: { readonly [name: string]: string | undefined }): Promise<unknown>
  post(path: string, body: object): Promise<unknown>
  /** A streamed answer, line by line, until it ends or the time is up. */
  lines(method: 'GET' | 'POST', path: string, body?: object): AsyncGenerator<unknown>
}

/** Most of one answer, and of one line of a stream. */
const maxBytes = 64 * 1024 * 1024
const maxLineLength = 8 * 1024 * 1024

/**
 * The deployment that the flags or the environment name; undefined where none is named, or a kubeconfig is. Its token comes from `$SLUICE_TOKEN`, a file,
 * or a flag that is warned of; `known` is one that the caller has otherwise.
 *
 * @throws EngineError `usage` for a URL that is none, a token that would travel in the clear, a file that cannot be read.
 */
export function openDeployment(flags: TargetFlags, terminal: Terminal, known?: string): Deployment | undefined {
  const namesCluster = flags.kubeconfig !== undefined || flags.context !== undefined
  if (flags.url !== undefined && namesCluster) throw usageError('give either --url or a kubeconfig, not both')
  const given = flags.url ?? (namesCluster ? undefined : process.env['SLUICE_URL'] || undefined)
  if (given === undefined) return undefined
  const url = parseUrl(given)
  const token = readToken(flags, terminal) ?? known
  const isLocal = ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname)
  if (token !== undefined && url.protocol === 'http:' && !isLocal)
    throw usageError(`a token is not sent over plain http; give the https URL of the deployment`)
  const timeoutMs = durationFlag('--timeout', flags.timeout ?? '5m')
  return createDeployment(url.href.replace(/\/$/, ''), token, timeoutMs)
}

/** The same, where a verb can do nothing without one. @throws EngineError `usage`. */
export function requireDeployment(flags: TargetFlags, terminal: Terminal, what: string): Deployment {
  const deployment = openDeployment(flags, terminal)
  if (deployment !== undefined) return deployment
  throw usageError(`${what}: give the URL of the deployment with --url or $SLUICE_URL`)
}

function parseUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url !== undefined && /^https?:$/.test(url.protocol) && url.username === '' && url.password === '') return url
  throw usageError('--url must be the URL of a deployment, such as https://sluice.example; without credentials in it')
}

function readToken(flags: TargetFlags, terminal: Terminal): string | undefined {
  if (flags.token !== undefined) {
    terminal.err(
      '! --token leaves the token in the history of the shell and in the list of processes; use $SLUICE_TOKEN or --token-file\n',
    )
    return flags.token
  }
  const file = flags.tokenFile ?? (process.env['SLUICE_TOKEN_FILE'] || undefined)
  if (file === undefined) return process.env['SLUICE_TOKEN'] || undefined
  try {
    return readFileSync(file, 'utf8').trim()
  } catch (error) {
    throw usageError(
      `the token file ${file} cannot be read: ${error instanceof Error && 'code' in error ? String(error.code) : 'unknown error'}`,
    )
  }
}

/** A client of the deployment at `url`. Exported for tests. */
export function createDeployment(url: string, token: string | undefined, timeoutMs: number): Deployment {
  const signal = AbortSignal.timeout(timeoutMs + 10_000)
  const send = async (method: string, path: string, accept: string, body?: object): Promise<Response> => {
    const headers: { [name: string]: string } = { accept, 'user-agent': 'sluice-cli' }
    if (token !== undefined) headers['authorization'] = `Bearer ${token}`
    if (body !== undefined) headers['content-type'] = 'application/json'
    const text = body === undefined ? {} : { body: JSON.stringify(body) }
    try {
      // A redirect might carry the token to somebody else.
      return await fetch(`${url}${path}`, { method, headers, redirect: 'error', signal, ...text })
    } catch (error) {
      throw unreachable(url, error)
    }
  }
  const json = async (method: string, path: string, body?: object): Promise<unknown> => {
    const response = await send(method, path, 'application/json', body)
    const value = parseAnswer(url, await readText(url, response))
    // A wait that has not ended is an answer too.
    if (response.ok || (response.status === 504 && hasRun(value))) return value
    throw refusal(url, path, response.status, value)
  }
  return {
    url,
    timeoutMs,
    get: (path, query = {}) => {
      const given = Object.entries(query).filter((entry): entry is [string, string] => entry[1] !== undefined)
      const search = new URLSearchParams(given).toString()
      return json('GET', search === '' ? path : `${path}?${search}`)
    },
    post: (path, body) => json('POST', path, body),
    lines: async function* (method, path, body) {
      const response = await send(method, path, 'application/x-ndjson', body)
      if (!response.ok) {
        throw refusal(url, path, response.status, parseAnswer(url, await readText(url, response)))
      }
      yield* readLines(url, response)
    },
  }
}

async function* readLines(url: string, response: Response): AsyncGenerator<unknown> {
  const decoder = new TextDecoder()
  let rest = ''
  try {
    for await (const chunk of response.body ?? []) {
      rest += decoder.decode(chunk as Uint8Array, { stream: true })
      const lines = rest.split('\n')
      rest = lines.pop() ?? ''
      if (rest.length > maxLineLength) throw tooLong(url)
      for (const line of lines) if (line !== '') yield parseAnswer(url, line)
    }
  } catch (error) {
    throw isEngineError(error) ? error : unreachable(url, error)
  }
  if (rest.trim() !== '') yield parseAnswer(url, rest)
}

async function readText(url: string, response: Response): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  try {
    for await (const chunk of response.body ?? []) {
      text += decoder.decode(chunk as Uint8Array, { stream: true })
      if (text.length > maxBytes) throw tooLong(url)
    }
  } catch (error) {
    throw isEngineError(error) ? error : unreachable(url, error)
  }
  return text
}

function parseAnswer(url: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new EngineError(`${url} did not answer with JSON; is it the URL of a deployment of Sluice?`, {
      code: 'deployment-refused',
    })
  }
}

function hasRun(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'run' in value
}

function tooLong(url: string): EngineError {
  return new EngineError(`the answer of ${url} is too long`, { code: 'deployment-refused' })
}

function unreachable(url: string, error: unknown): EngineError {
  if (error instanceof DOMException && error.name === 'TimeoutError')
    return new EngineError('the time was up', { code: 'wait-timeout', disposition: 'wait', cause: error })
  const cause =
    error instanceof Error && error.cause instanceof Error ? error.cause.message : toEngineError(error).message
  return new EngineError(`the deployment ${url} cannot be reached: ${cause}`, {
    code: 'deployment-unreachable',
    disposition: 'retry',
    cause: error,
  })
}

/** An answer that is no success, in the words of the deployment. */
function refusal(url: string, path: string, status: number, value: unknown): EngineError {
  const { error } = (value ?? {}) as { readonly error?: { readonly code?: unknown; readonly message?: unknown } }
  const message = typeof error?.message === 'string' ? error.message : `status ${status}`
  if (status === 401) {
    const text = `the deployment ${url} does not accept the token: ${message}; set $SLUICE_TOKEN or --token-file`
    return new EngineError(text, { code: 'deployment-unauthorized', disposition: 'wait' })
  }
  if (status === 404 && message === 'there is nothing here') {
    return new EngineError(`the deployment ${url} has no ${path.split('?')[0]}; is it of an older version?`, {
      code: 'deployment-refused',
    })
  }
  const code = status === 404 ? 'not-found' : status === 409 ? 'suspended' : 'deployment-refused'
  return new EngineError(message, { code, disposition: 'wait' })
}
