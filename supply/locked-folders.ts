/** The folders with a `package-lock.json`, and their names. */
export const lockedFolders = {
  '.': 'the service',
  'deploy/aws': 'deploy/aws',
  'examples/typescript': 'examples/typescript',
}
