/**
 * Adopting a cluster: the cluster side (definitions, account, rights, sync objects) written into Git first and applied from there, the cluster registered with the deployment and the deployment with the forge, one delivery and one run as
 * proof; and the way out, which leaves workloads. Layout and texts are pure; the rest asks the forge, Git, the cluster and the deployment through what it is given, looks before it writes, and can be cut off anywhere and run again.
 * @module
 */
export { bootstrap, type BootstrapResult } from './bootstrap.ts'
export { hookUrlOf } from './deployment-steps.ts'
export { environmentJson, mergeEnvironment, parseEnvironment, shownEnvironment, tokenVariable } from './environment.ts'
export { layOut, type Layout, type LayoutOptions } from './layout.ts'
export { accountName, fileNames, syncName, systemNamespace } from './names.ts'
export { uninstall, type UninstallDeps, type UninstallOptions } from './uninstall.ts'
export {
  stepNames,
  type AskDeployment,
  type BootstrapDeps,
  type BootstrapOptions,
  type BootstrapReport,
  type EnvironmentStore,
  type StepName,
} from './types.ts'
