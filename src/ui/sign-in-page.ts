import { html, type Html, type View } from './html.ts'

/** The form for a token, and the ways to the logins that are configured. */
export function signInPage(
  view: View,
  options: {
    readonly next: string
    /** What makes the form ours. */
    readonly csrf: string
    readonly problem?: string
    readonly logins: readonly { readonly name: string; readonly href: string }[]
    readonly hasTokens: boolean
    /** Some of it is shown to everybody. */
    readonly isPublic: boolean
  },
): Html {
  const { next, csrf, problem, logins, hasTokens, isPublic } = options
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>Sign in · Sluice</title>
        <link rel="stylesheet" href="${view.styleUrl}" />
        <link rel="icon" type="image/svg+xml" href="/ui/icon.svg" />
      </head>
      <body class="narrow">
        <main>
          <h1>Sluice</h1>
          ${problem === undefined ? '' : html`<p class="note bad" role="alert">${problem}</p>`}
          ${logins.map(({ name, href }) => html`<p><a class="button" href="${href}">Sign in at ${name}</a></p>`)}
          ${
            hasTokens
              ? html`<form method="post" action="/ui/sign-in" class="stacked">
                  <input type="hidden" name="next" value="${next}" />
                  <input type="hidden" name="csrf" value="${csrf}" />
                  <input type="text" name="username" value="reader" autocomplete="username" hidden />
                  <label for="token">Token for reading</label>
                  <input id="token" name="token" type="password" autocomplete="current-password" required autofocus />
                  <button type="submit">Sign in</button>
                </form>`
              : ''
          }
          ${
            !hasTokens && logins.length === 0 && !isPublic
              ? html`<p class="note">
                  Nobody may read: give READ_TOKEN, TOKENS, OIDC, LOGIN or PUBLIC_READ in the configuration.
                </p>`
              : ''
          }
          ${isPublic ? html`<p><a href="/ui/public">What everybody may see</a></p>` : ''}
        </main>
      </body>
    </html>`
}
