import { html, type Html, type View } from './html.ts'

/** The form for a token, and the way to the login where one is configured. */
export function signInPage(
  view: View,
  options: { readonly next: string; readonly problem?: string; readonly login?: string; readonly hasTokens: boolean },
): Html {
  const { next, problem, login, hasTokens } = options
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
          ${
            login === undefined
              ? ''
              : html`<p><a class="button" href="/ui/login?next=${encodeURIComponent(next)}">Sign in at ${login}</a></p>`
          }
          ${
            hasTokens
              ? html`<form method="post" action="/ui/sign-in" class="stacked">
                  <input type="hidden" name="next" value="${next}" />
                  <input type="text" name="username" value="reader" autocomplete="username" hidden />
                  <label for="token">Token for reading</label>
                  <input id="token" name="token" type="password" autocomplete="current-password" required autofocus />
                  <button type="submit">Sign in</button>
                </form>`
              : ''
          }
          ${
            !hasTokens && login === undefined
              ? html`<p class="note">Nobody may read: give READ_TOKEN, OIDC or PUBLIC_READ in the configuration.</p>`
              : ''
          }
        </main>
      </body>
    </html>`
}
