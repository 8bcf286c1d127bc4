/**
 * Pages that show what is known of the clusters: made on the server as plain HTML, without a script, from what src/observe has read. Everything that others have named
 * is escaped where it is printed.
 * @module
 */
export { commitPage } from './commit-page.ts'
export { objectPage } from './object-page.ts'
export { overviewPage, type OverviewFilter } from './overview-page.ts'
export { planPage } from './plan-page.ts'
export type { PlanHead, PlanView } from './plan-types.ts'
export { plansPage } from './plans-page.ts'
export { problemPage } from './problem-page.ts'
export { runPage } from './run-page.ts'
export { runsPage } from './runs-page.ts'
export { signInPage } from './sign-in-page.ts'
export { icon, stylesheet } from './style.ts'
