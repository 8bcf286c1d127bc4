import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'

/** Below the ports that systems give to who asks for any: nobody gets one of these by chance between its choice and its use. */
const range = [20_000, 32_000] as const
const maxTries = 1_000

/** A TCP port of 127.0.0.1 that nobody listens at. It stays free for a server that is started, ended and started again later. */
export async function freePort(): Promise<number> {
  const [port = 0] = await freePorts(1)
  return port
}

/** `count` different ones. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const ports = new Set<number>()
  for (let tries = 0; ports.size < count; tries++) {
    if (tries === maxTries) throw new Error(`no free port between ${range.join(' and ')}`)
    const port = randomInt(...range)
    if (await isFree(port)) ports.add(port)
  }
  return [...ports]
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
