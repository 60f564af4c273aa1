export type Matcher = { label: string; operator: '=' | '!=' | '=~' | '!~'; value: string }
export type Selector = { metric: string; matchers: Matcher[] }

/** What a PromQL expression asks for: each metric with its matchers, in the order in which they stand. */
export function selectorsOf(expression: string): Selector[] {
  return [...expression.matchAll(/\b([a-z_][a-z0-9_]*)\{([^}]*)\}/g)].map(([, metric = '', inner = '']) => ({
    metric,
    matchers: [...inner.matchAll(/(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"/g)].map(
      ([, label = '', operator, value = '']) => ({ label, operator: operator as Matcher['operator'], value }), // the pattern has no other
    ),
  }))
}

/** The labels that an expression sums or joins by. */
export function groupingsOf(expression: string): string[] {
  return [...expression.matchAll(/\b(?:by|on|without|ignoring) ?\(([^)]*)\)/g)].flatMap(([, inner = '']) =>
    inner.split(',').flatMap((label) => label.trim() || []),
  )
}
