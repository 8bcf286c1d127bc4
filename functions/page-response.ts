/**
 * What a page may do in a browser: show itself, its own stylesheet and pictures, run the one script that we serve, which asks for nothing but what is ours, and send its forms to
 * where it comes from (and, from the form of the way in, to the login). No script within a page, no frame, nothing from elsewhere.
 */
const policy =
  "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

/** Headers of every page. The referrer stays within the deployment; with `no-referrer` browsers would not say where a form comes from. */
const pageHeaders: { readonly [name: string]: string } = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': policy,
  'cache-control': 'private, no-store',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
}

/** A page as an answer. */
export async function pageResponse(
  status: number,
  page: { toString(): string } | Promise<{ toString(): string }>,
  headers: { readonly [name: string]: string } = {},
): Promise<Response> {
  return new Response(String(await page), { status, headers: { ...pageHeaders, ...headers } })
}

/** Leads a browser on with a GET. `location` is a path of ours, or the address of the login. */
export function redirect(location: string, headers: { readonly [name: string]: string } = {}): Response {
  return new Response(null, { status: 303, headers: { location, 'cache-control': 'no-store', ...headers } })
}

/** A path of ours to go on to: what could lead elsewhere becomes the overview. */
export function safeNext(next: string | null | undefined): string {
  const isPath = typeof next === 'string' && next.length <= 1000 && /^\/ui(?:[/?#]|$)/.test(next)
  return isPath && !/[\\\s]|\/\//.test(next) ? next : '/ui'
}
