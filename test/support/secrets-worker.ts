import { createKeyServices, decryptFile, readKeyMaterial, type SopsFormat } from '../../src/secrets/index.ts'

// Decrypts what it is sent: `{name, format, content, keys: {name: base64}}`, all content in base64.
export class StateObject {}
export class ClusterObject {}

interface Task {
  readonly name: string
  readonly format: SopsFormat
  readonly content: string
  readonly keys: { readonly [name: string]: string }
}

const bytes = (base64: string): Uint8Array => Uint8Array.from(atob(base64), (char) => char.charCodeAt(0))

export default {
  async fetch(request: Request): Promise<Response> {
    const { name, format, content, keys } = (await request.json()) as Task
    try {
      const material = readKeyMaterial(new Map(Object.entries(keys).map(([key, value]) => [key, bytes(value)])), 'test')
      const services = await createKeyServices(material, {
        http: { send: () => Promise.reject(new Error('nothing is to be sent here')) },
        egress: {},
        now: () => Date.now(),
        signal: request.signal,
      })
      return new Response(await decryptFile(bytes(content), { name, format, keys: services, verifyMac: true }))
    } catch (error) {
      return new Response(error instanceof Error ? (error.stack ?? error.message) : String(error), { status: 500 })
    }
  },
}
