// Plain JavaScript, so that a Node too old to read TypeScript can still say so.
const wantedMajor = 24
const major = Number(process.versions.node.split('.')[0])

if (major < wantedMajor) {
  console.error(
    `paniq-docs needs Node ${wantedMajor} or newer; this is ${process.versions.node}. ` +
      'Run "npm ci" in the project, which brings the right one, or install Node 24.',
  )
  process.exit(1)
}

try {
  await import('../src/bin/cli.ts')
} catch (error) {
  if (error.code !== 'ERR_MODULE_NOT_FOUND') throw error
  console.error('paniq-docs lacks its packages. Run "npm ci" in the project.')
  process.exit(1)
}
