/**
 * Compares two secrets without telling by its duration where they differ: both are hashed first, so that neither content nor length shows.
 * Every comparison of a credential goes through here.
 */
export async function isEqualConstantTime(a: string, b: string): Promise<boolean> {
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

async function digest(text: string): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text)))
}
