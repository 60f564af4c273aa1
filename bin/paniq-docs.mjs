// Plain JavaScript, so that a Node version without TypeScript support can print this error.
const wantedMajor = 24
const major = Number(process.versions.node.split('.')[0])

if (major < wantedMajor) {
  console.error(
    `paniq-docs needs Node ${wantedMajor} or newer; this is ${process.versions.node}. ` +
      'Run "npm ci" in the project, which installs the right version, or install Node 24.',
  )
  process.exit(1)
}

try {
  await import('../src/bin/cli.ts')
} catch (error) {
  if (error.code !== 'ERR_MODULE_NOT_FOUND') throw error
  console.error('The packages of paniq-docs are missing. Run "npm ci" in the project.')
  process.exit(1)
}
