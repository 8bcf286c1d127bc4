/**
 * Pages that show what is known of the clusters: made on the server as plain HTML from what src/observe has read. One small script shows again what has changed, and nothing
 * needs it. Everything that others have named is escaped where it is printed.
 * @module
 */
export type { Notice, Offer } from './action-form.ts'
export { applicationPage, type ApplicationView } from './application-page.ts'
export { clusterPage } from './cluster-page.ts'
export type { WaitingList } from './waiting-list.ts'
export { actionsPage } from './actions-page.ts'
export { badgeSvg, type BadgeState } from './badge-svg.ts'
export { commitPage } from './commit-page.ts'
export { confirmPage } from './confirm-page.ts'
export { driftPage } from './drift-page.ts'
export { paths } from './html.ts'
export { commitsPage } from './commits-page.ts'
export { deliveriesPage, type DeliveryFilter, type ShownDelivery } from './deliveries-page.ts'
export { atomFeed } from './feed.ts'
export { liveScript } from './live-script.ts'
export { overviewPage, type OverviewFilter } from './overview-page.ts'
export {
  manifestPage,
  manifestsPage,
  type ManifestChangeView,
  type ManifestsView,
  type ShownManifestFile,
} from './manifest-pages.ts'
export { planPage } from './plan-page.ts'
export { pullName } from './plan-state.ts'
export type { PlanHead, PlanView } from './plan-types.ts'
export { plansPage } from './plans-page.ts'
export { problemPage } from './problem-page.ts'
export { publicPage } from './public-page.ts'
export { runPage } from './run-page.ts'
export { runsPage } from './runs-page.ts'
export { signInPage } from './sign-in-page.ts'
export { icon, stylesheet } from './style.ts'
