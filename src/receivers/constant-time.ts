/**
 * Compares two secrets without telling by its duration where they differ: both are hashed first, so that neither content nor length shows.
 * Every comparison of a credential goes through here.
 */
export async function isEqualConstantTime(a: string | Uint8Array, b: string | Uint8Array): Promise<boolean> {
  const [left, right] = await Promise.all([digest(a), digest(b)])
  let difference = 0
  for (let i = 0; i < left.length; i++) difference |= (left[i] ?? 0) ^ (right[i] ?? 0)
  return difference === 0
}

/** Whether `given` equals one of `secrets`. All of them are compared always, so that the duration does not tell which one it was. */
export async function matchesAnySecret(given: string, secrets: readonly string[]): Promise<boolean> {
  const results = await Promise.all(secrets.map((secret) => isEqualConstantTime(given, secret)))
  return results.includes(true)
}

/**
 * Whether the value of a header equals a secret of bytes. Platforms read bytes of a header beyond ASCII as Latin-1 or as UTF-8; both are compared.
 * An empty secret equals nothing.
 */
export async function isHeaderEqual(value: string, secret: Uint8Array): Promise<boolean> {
  const latin1 = Uint8Array.from(value, (char) => char.charCodeAt(0) & 0xff)
  const results = await Promise.all([latin1, value].map((form) => isEqualConstantTime(form, secret)))
  return secret.length > 0 && results.includes(true)
}

async function digest(content: string | Uint8Array): Promise<Uint8Array> {
  const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content
  return new Uint8Array(await crypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>))
}
