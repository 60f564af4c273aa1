/** Where a `package-lock.json` says what comes from others, and whose that is. */
export const lockedFolders = { '.': 'the service', 'deploy/aws': 'deploy/aws' }
