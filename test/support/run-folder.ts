/** Environment variable with the path of a folder that all files of one run share, and that is gone with the run. */
export const runFolderVariable = 'SLUICE_TEST_RUN'

/** That folder; undefined where a file is run alone. */
export function runFolder(): string | undefined {
  const folder = process.env[runFolderVariable]
  return folder === '' ? undefined : folder
}
