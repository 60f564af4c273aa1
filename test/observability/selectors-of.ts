export type Matcher = { label: string; operator: '=' | '!=' | '=~' | '!~'; value: string }
export type Selector = { metric: string; matchers: Matcher[] }

/** The selectors of a PromQL expression: each metric with its matchers, in their order. */
export function selectorsOf(expression: string): Selector[] {
  return [...expression.matchAll(/\b([a-z_][a-z0-9_]*)\{([^}]*)\}/g)].map(([, metric = '', inner = '']) => ({
    metric,
    matchers: [...inner.matchAll(/(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"/g)].map(
      ([, label = '', operator, value = '']) => ({ label, operator: operator as Matcher['operator'], value }), // the pattern has no other operators
    ),
  }))
}

/** The labels by which an expression sums or joins. */
export function groupingsOf(expression: string): string[] {
  return [...expression.matchAll(/\b(?:by|on|without|ignoring) ?\(([^)]*)\)/g)].flatMap(([, inner = '']) =>
    inner.split(',').flatMap((label) => label.trim() || []),
  )
}
