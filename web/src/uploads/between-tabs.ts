import type { UploadState } from './upload-record.ts'

/** What the tabs of a person report to each other. The stored uploads are read again after `changed`. */
export type TabMessage =
  | { kind: 'changed' }
  | { kind: 'progress'; id: string; state: UploadState; sentBytes: number }
  | { kind: 'ended'; id: string; state: 'done' | 'cancelled'; duplicateOf: string | undefined }
  | { kind: 'ping' | 'pong' }

export type Tabs = {
  /** Whether this tab sends the stored uploads. */
  isSender: () => boolean
  post: (message: TabMessage) => void
  close: () => void
}

type Handlers = { onMessage: (message: TabMessage) => void; onSender: () => void; onLost: () => void }

/** A sender that the browser froze in the background does not answer. */
const maxSilenceMs = 4000

/**
 * Connects the tabs in which a person has the page open. One of them sends: the browser gives its lock to the next one when
 * it is closed or crashes, and a tab in front takes it from one that does not answer. Without locks, which browsers have
 * only over https, each tab sends, and the idempotency keys prevent a second document.
 */
export function openTabs(personId: string, { onMessage, onSender, onLost }: Handlers): Tabs {
  const name = `paniq-uploads-${personId}`
  const channel = new BroadcastChannel(name)
  const closing = new AbortController()
  let isSender = false
  let hasAnswer = false

  const ask = (options: LockOptions) => {
    navigator.locks
      .request(name, options, () => {
        if (closing.signal.aborted) return undefined
        isSender = true
        onSender()
        return new Promise<void>((resolve) => closing.signal.addEventListener('abort', () => resolve()))
      })
      .catch(() => {
        // Taken by the tab in front, or closed before it got the lock.
        const isLost = isSender
        // Before the uploads are stopped: each that stops would start the next one.
        isSender = false
        if (closing.signal.aborted) return
        if (isLost) onLost()
        ask({})
      })
  }
  const takeFromFrozen = () => {
    if (isSender || document.visibilityState !== 'visible') return
    hasAnswer = false
    channel.postMessage({ kind: 'ping' })
    setTimeout(() => {
      if (!hasAnswer && !isSender && !closing.signal.aborted && document.visibilityState === 'visible')
        ask({ steal: true })
    }, maxSilenceMs)
  }
  channel.addEventListener('message', ({ data }: MessageEvent<TabMessage>) => {
    if (data.kind === 'ping' && isSender) channel.postMessage({ kind: 'pong' })
    if (data.kind === 'pong' || data.kind === 'progress') hasAnswer = true
    onMessage(data)
  })
  if (hasLocks()) {
    ask({ signal: closing.signal })
    document.addEventListener('visibilitychange', takeFromFrozen, { signal: closing.signal })
    takeFromFrozen()
  } else {
    isSender = true
    queueMicrotask(onSender)
  }
  return {
    isSender: () => isSender,
    post: (message) => channel.postMessage(message),
    close() {
      isSender = false
      closing.abort()
      channel.close()
    },
  }
}

function hasLocks(): boolean {
  // The types know only pages over https.
  return (navigator as Partial<Navigator>).locks !== undefined
}
