/**
 * The APIs of forges, one file each behind one interface: a repository, its webhook and what became of deliveries; its pull requests, with files, comments, checks, people and reverts; and GitHub's flow that makes an App from a manifest. Not pure: asks through
 * the HttpClient port, bounded and with a deadline; no message carries a token or a secret.
 * @module
 */
export { oauthPlaces, readAccount, readOwnAccount, type ForgeAccount, type OAuthPlaces } from './accounts.ts'
export { createGitHubApp, manifestForm, type GitHubApp, type ManifestOptions } from './github-app.ts'
export { gitHubApiOf, gitHubHeaders } from './github.ts'
export { askForge, parseJson, type ForgeAnswer, type ForgeRequest } from './request.ts'
export { maxCommentBytes } from './pull-call.ts'
export { permissions } from './pull-types.ts'
export type * from './pull-types.ts'
export { createForge, createPullRequests, forgeHosts } from './table.ts'
export type * from './types.ts'
