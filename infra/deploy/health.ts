import { setTimeout as sleep } from 'node:timers/promises'

/** What became of asking a new deployment whether it is well. */
export interface Health {
  readonly isWell: boolean
  /** What was found, for people. */
  readonly text: string
}

/** A new version takes some seconds to be everywhere, and a new name in DNS longer. */
const pauseMs = 2_000
const maxAnswerBytes = 4_096

/**
 * Asks `/healthz` until it answers as the version that was deployed, for `timeoutMs` at most.
 *
 * @param build the id that the answer must have; undefined where any is good.
 */
export async function awaitHealth(url: string, build: string | undefined, timeoutMs: number): Promise<Health> {
  let last = 'it has not answered'
  for (const end = Date.now() + timeoutMs; ;) {
    try {
      const response = await fetch(`${url}/healthz`, { redirect: 'error', signal: AbortSignal.timeout(10_000) })
      const answer = parse(await readSome(response))
      if (response.ok && answer.status === 'ok' && (build === undefined || answer.build === build))
        return { isWell: true, text: `${url} is up (${answer.build ?? 'unknown build'})` }
      if (answer.error?.code === 'config-invalid')
        return { isWell: false, text: answer.error.message ?? 'its configuration is wrong' }
      last = response.ok ? `it still answers as the build ${answer.build ?? '(none)'}` : `it answers ${response.status}`
    } catch (caught) {
      const cause = caught instanceof Error && caught.cause instanceof Error ? caught.cause : caught
      last = `it cannot be reached: ${cause instanceof Error ? cause.message : String(cause)}`
    }
    if (Date.now() + pauseMs > end) return { isWell: false, text: `${url}: ${last}` }
    await sleep(pauseMs)
  }
}

interface Answer {
  readonly status?: string
  readonly build?: string
  readonly error?: { readonly code?: string; readonly message?: string }
}

function parse(text: string): Answer {
  try {
    return JSON.parse(text) as Answer
  } catch {
    return {} // Not a deployment of ours, or a page of Cloudflare in its place: the status is told.
  }
}

async function readSome(response: Response): Promise<string> {
  let text = ''
  const decoder = new TextDecoder()
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk as Uint8Array, { stream: true })
    if (text.length > maxAnswerBytes) break
  }
  return text
}
