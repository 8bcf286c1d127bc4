/** A request as a browser sends it to an app or a deployment. */
export type Send = (path: string, init: RequestInit) => Promise<Response>

/** What the form of the way in needs to be sent: its cookie, and the field that goes with it. */
export async function openSignInForm(send: Send): Promise<{ readonly cookie: string; readonly csrf: string }> {
  const form = await send('/ui/sign-in', {})
  const [cookie = ''] = (form.headers.get('set-cookie') ?? '').split(';')
  return { cookie, csrf: /name="csrf" value="([^"]+)"/.exec(await form.text())?.[1] ?? '' }
}

/**
 * Signs in with a token, as the form does.
 *
 * @param origin the deployment's own, as its browser would say it.
 * @returns the cookie of the session.
 */
export async function signInWithToken(send: Send, token: string, origin: string): Promise<string> {
  const { cookie, csrf } = await openSignInForm(send)
  const answer = await send('/ui/sign-in', {
    method: 'POST',
    redirect: 'manual',
    body: new URLSearchParams({ token, csrf }),
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      host: new URL(origin).host,
      origin,
      cookie,
    },
  })
  if (answer.status !== 303) throw new Error(`not signed in: ${answer.status}`)
  return (answer.headers.getSetCookie().find((line) => line.startsWith('__Host-sluice=')) ?? '').split(';')[0] ?? ''
}
