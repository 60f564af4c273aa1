/** Whether what goes through the SDK's middleware is a request by now; its types say nothing of that. */
export function hasHeaders(request: unknown): request is { headers: Record<string, string>; body?: unknown } {
  return typeof request === 'object' && request !== null && 'headers' in request
}
