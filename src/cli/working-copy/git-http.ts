import { EngineError } from '../../base/index.ts'
import type { HttpClient, HttpRequest, HttpResponse } from '../../ports/index.ts'
import { runGit } from './git.ts'
import type { WorkingCopy } from './working-copy.ts'

/** Where the engine finds the commits of the working copy. The name leads nowhere (RFC 6761), and the client answers for it itself. */
export const workingCopyUrl = 'http://working-copy.invalid/repository'

const types = {
  advertisement: 'application/x-git-upload-pack-advertisement',
  result: 'application/x-git-upload-pack-result',
} as const

/**
 * A client that answers for {@link workingCopyUrl} what a Git server would: with `git upload-pack` of the working copy, which gives out any commit and directories without their files. The engine so fetches, filters and
 * bounds what it fetches anywhere. Everything else goes to `usual`.
 */
export function withWorkingCopy(usual: HttpClient, copy: WorkingCopy): HttpClient {
  return {
    send: (request) => {
      const url = new URL(request.url)
      return url.host === new URL(workingCopyUrl).host ? answer(copy, request, url) : usual.send(request)
    },
  }
}

async function answer(copy: WorkingCopy, request: HttpRequest, url: URL): Promise<HttpResponse> {
  const path = `${url.pathname}${url.search}`.slice(new URL(workingCopyUrl).pathname.length)
  const isPack = request.method === 'POST' && path === '/git-upload-pack'
  if (!isPack && path !== '/info/refs?service=git-upload-pack')
    return { status: 404, headers: { 'content-type': 'text/plain' }, body: null }
  const { body } = request
  const input = body instanceof ReadableStream ? new Uint8Array(await new Response(body).arrayBuffer()) : body
  const args = ['-c', 'uploadpack.allowFilter=true', '-c', 'uploadpack.allowAnySHA1InWant=true', 'upload-pack']
  const mode = isPack ? ['--stateless-rpc'] : ['--stateless-rpc', '--advertise-refs']
  const { code, stdout, said } = await runGit([...args, ...mode, copy.directory], {
    ...copy.place,
    env: { ...copy.place.env, GIT_DIR: undefined, GIT_WORK_TREE: undefined, GIT_PROTOCOL: 'version=2' },
    signal: request.signal,
    ...(input === undefined ? {} : { input }),
  })
  if (code !== 0)
    throw new EngineError(`git upload-pack of the working copy failed: ${said === '' ? `exit code ${code}` : said}`, {
      code: 'git-program',
      reason: 'GitOperationFailed',
    })
  const type = isPack ? types.result : types.advertisement
  return {
    status: 200,
    headers: { 'content-type': type },
    body: new ReadableStream({
      start: (controller) => {
        controller.enqueue(new Uint8Array(stdout))
        controller.close()
      },
    }),
  }
}
