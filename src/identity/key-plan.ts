/** When a signing key was made and from when on it signs, in milliseconds since 1970. */
export interface KeyTimes {
  readonly kid: string
  readonly createdAt: number
  readonly useFrom: number
}

/** How keys follow each other, in milliseconds. */
export interface KeyPolicy {
  /** How long a key signs. */
  readonly rotateEveryMs: number
  /** How long a key is published before it signs: longer than anybody keeps what was published. */
  readonly publishAheadMs: number
  /** How long a token is good, with what clocks differ by: so long a key stays published after its last token. */
  readonly publishAfterMs: number
}

/** What to do about the keys now. */
export interface KeyPlan {
  /** The key that signs; undefined where there is none, and one is to be made that signs at once. */
  readonly signWith: string | undefined
  /** Keys that are published, the one that signs and the next included. All others are to be forgotten. */
  readonly publish: readonly string[]
  /** Make a key that signs from then on. */
  readonly make: { readonly useFrom: number } | undefined
}

/**
 * What to rotate when. A key signs until the next one's time has come; the next one is made, and so published, `publishAheadMs` before that. A key is forgotten when the last token that it may have
 * signed has expired. One that claims to sign later than any rotation could have planned was made by a clock that was wrong, and is forgotten at once: it would keep the next from being made.
 */
export function planKeys(keys: readonly KeyTimes[], policy: KeyPolicy, now: number): KeyPlan {
  const { rotateEveryMs, publishAheadMs, publishAfterMs } = policy
  const believable = keys
    .filter(({ useFrom }) => useFrom <= now + rotateEveryMs + publishAheadMs)
    .toSorted((a, b) => a.useFrom - b.useFrom || (a.kid < b.kid ? -1 : 1))
  const current = believable.findLast(({ useFrom }) => useFrom <= now)
  const published = believable.filter((key, index) => {
    const successor = believable[index + 1]
    return key === current || successor === undefined || successor.useFrom + publishAfterMs > now
  })
  const publish = published.map(({ kid }) => kid)
  if (current === undefined) return { signWith: undefined, publish, make: { useFrom: now } }
  const hasNext = published.some(({ useFrom }) => useFrom > now)
  const rotateAt = current.useFrom + rotateEveryMs
  const isDue = !hasNext && now >= rotateAt - publishAheadMs
  return {
    signWith: current.kid,
    publish,
    make: isDue ? { useFrom: Math.max(rotateAt, now + publishAheadMs) } : undefined,
  }
}
