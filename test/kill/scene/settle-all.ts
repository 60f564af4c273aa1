/** Waits for every one, also when one fails, so that nothing goes on behind the caller's back; then throws the first failure. */
export async function settleAll(work: Promise<unknown>[]): Promise<void> {
  const failed = (await Promise.allSettled(work)).find((outcome) => outcome.status === 'rejected')
  // It is handed on as it came.
  if (failed !== undefined) throw failed.reason as Error
}
