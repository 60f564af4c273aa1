/**
 * Words on the page that are in no file of texts: outside of the brackets of the pseudo-language, and not marked as given by
 * a person or by the service. Dates, numbers and units are formatted.
 */
export const findHardCoded = `(() => {
  const allowed = /⟦[^⟧]*⟧|\\d[\\d\\s.,:/]*(bytes|KB|MB|GB|seconds?|minutes?|hours?|days?)?|\\b(January|February|March|April|May|June|July|August|September|October|November|December|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec|PDF|JPEG|PNG|or)\\b/g
  const isForeign = (text) => /\\p{L}/u.test(text.replace(allowed, ''))
  const found = []
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  while (walker.nextNode()) {
    const parent = walker.currentNode.parentElement
    if (parent.closest('[data-given], noscript, script, style')) continue
    if (isForeign(walker.currentNode.textContent)) found.push(walker.currentNode.textContent)
  }
  for (const each of document.querySelectorAll('[aria-label], [placeholder], [title], [alt]'))
    for (const name of ['aria-label', 'placeholder', 'title', 'alt']) {
      const text = each.getAttribute(name)
      if (text !== null && !each.closest('.firm-bar') && isForeign(text)) found.push(name + ': ' + text)
    }
  return found
})()`
