import { z } from 'zod'
import { statusApis, type StatusForge } from '../src/notify/index.ts'

/** Where a deployment itself tells how runs go, without a Provider in any cluster. */
export interface FeedbackRule {
  readonly forge: StatusForge
  /** Repositories whose pushes are told of: `https://github.com/org/*`; a `*` stands for one part of the path. The host is never taken from a webhook. */
  readonly repository: string
  /** Name of the secret with the token, of the same form as in a Provider. */
  readonly tokenSecret: string
  /** First part of the names of statuses; default `sluice`. */
  readonly context?: string
  /** Where the forge is asked, if not at the repository's host. */
  readonly apiHost?: string
  /** GitHub only: a deployment for each cluster, whose environment has the cluster's name. */
  readonly deployments?: boolean
}

const forges = Object.keys(statusApis) as [StatusForge, ...StatusForge[]]
const httpUrl = z.url({ protocol: /^https?$/, error: 'must be a URL' })

/** `FEEDBACK` of the configuration: a JSON list of {@link FeedbackRule}. */
export const feedbackSchema = z.array(
  z
    .strictObject({
      forge: z.enum(forges),
      repository: httpUrl.refine(hasPath, 'must name repositories, such as https://github.com/org/*'),
      tokenSecret: z.string().regex(/^[A-Z][A-Z0-9_]{0,127}$/, 'must be the name of a secret; never the secret itself'),
      context: z
        .string()
        .regex(/^[\w.-]{1,50}$/, 'must be letters, digits, "-", "_" and "."')
        .optional(),
      apiHost: httpUrl.optional(),
      deployments: z.boolean().optional(),
    })
    .refine((rule) => rule.deployments !== true || rule.forge === 'github', {
      path: ['deployments'],
      error: 'only GitHub has deployments',
    }),
)

function hasPath(url: string): boolean {
  return URL.canParse(url) && new URL(url).pathname.split('/').filter((part) => part !== '').length >= 2
}

/**
 * The URL at the forge of the repository that one of the URLs names, where the rule is for it. Only the path is taken from them. The short form of SSH and other schemes count as https does.
 *
 * @param urls those of a verified webhook.
 */
export function repositoryOf(
  rule: Pick<FeedbackRule, 'repository' | 'apiHost'>,
  urls: readonly string[],
): string | undefined {
  const pattern = new URL(rule.repository)
  const wanted = partsOf(pattern.pathname)
  for (const url of urls) {
    const parts = pathAt(url, pattern)
    if (parts === undefined || parts.length !== wanted.length) continue
    if (
      !parts.every(
        (part, index) =>
          /^[\w.~ -]+$/.test(part) &&
          part !== '.' &&
          part !== '..' &&
          (wanted[index] === '*' || wanted[index] === part),
      )
    )
      continue
    const base = rule.apiHost === undefined ? pattern.origin : new URL(rule.apiHost).origin
    return `${base}/${parts.map(encodeURIComponent).join('/')}`
  }
  return undefined
}

/** The parts of a URL's path, where its host is that of the pattern. */
function pathAt(url: string, pattern: URL): readonly string[] | undefined {
  const short = /^[\w.-]+@([\w.-]+):(?!\/\/)(.+)$/.exec(url)
  if (short?.[1] !== undefined && short[2] !== undefined)
    return short[1].toLowerCase() === pattern.hostname ? partsOf(short[2]) : undefined
  if (!URL.canParse(url)) return undefined
  const parsed = new URL(url)
  const isHttp = /^https?:$/.test(parsed.protocol)
  // Schemes that the URL parser does not know keep the case of the host.
  if ((isHttp ? parsed.host : parsed.hostname.toLowerCase()) !== (isHttp ? pattern.host : pattern.hostname))
    return undefined
  return partsOf(parsed.pathname)
}

function partsOf(path: string): readonly string[] {
  try {
    return decodeURIComponent(path)
      .replace(/\.git$/, '')
      .split('/')
      .filter((part) => part !== '')
  } catch {
    return []
  }
}
