import { infiniteQueryOptions, type InfiniteData, queryOptions } from '@tanstack/react-query'

import { api, queryClient } from '../api/client.ts'
import type { Schemas } from '../api/openapi.d.ts'
import { dataOf, pageOf } from '../api/problem.ts'

export type Message = Schemas['Message']

/** The head counts this far: more words of messages would be loaded for nothing. */
export const maxCounted = 9
const refreshMs = 120_000

type Unread = { count: number; newestAt: string; hasNew: boolean }
const unreadKey = ['messages', 'unread'] as const

/** How many messages are unread, at most one more than `maxCounted`; asked again every two minutes while the page is seen. */
export const unreadQuery = queryOptions({
  queryKey: unreadKey,
  queryFn: async (): Promise<Unread> => {
    const unread = await dataOf(
      api.GET('/api/v1/messages', { params: { query: { unread: 'true', limit: maxCounted + 1 } } }),
    )
    const before = queryClient.getQueryData<Unread>(unreadKey)
    const newest = unread[0]?.created_at ?? ''
    const hasNew = before !== undefined && newest > before.newestAt
    return { count: unread.length, newestAt: hasNew || before === undefined ? newest : before.newestAt, hasNew }
  },
  // Every view has a head of its own, which must not ask again.
  staleTime: refreshMs,
  refetchInterval: refreshMs,
  retry: false,
  retryOnMount: false,
})

const listKey = ['messages', 'list'] as const

export const messagesQuery = infiniteQueryOptions({
  queryKey: listKey,
  initialPageParam: undefined as string | undefined,
  queryFn: ({ pageParam }) =>
    pageOf(
      api.GET('/api/v1/messages', {
        params: { query: { limit: 25, ...(pageParam === undefined ? {} : { cursor: pageParam }) } },
      }),
    ),
  getNextPageParam: ({ next }) => next,
})

type Pages = InfiniteData<{ items: Message[]; next: string | undefined }, string | undefined>

/** Marks a message as read. The list keeps its place: only this message changes. */
export async function markAsRead(id: string): Promise<void> {
  await sendRead(id)
  const readAt = new Date().toISOString()
  const read = (message: Message) => (message.id === id ? { ...message, read_at: readAt } : message)
  queryClient.setQueryData<Pages>(listKey, (list) =>
    list === undefined
      ? undefined
      : { ...list, pages: list.pages.map((page) => ({ ...page, items: page.items.map(read) })) },
  )
  await queryClient.invalidateQueries({ queryKey: unreadKey })
}

async function sendRead(id: string): Promise<void> {
  await dataOf(api.POST('/api/v1/messages/{id}/read', { params: { path: { id } } }))
}

/** As many as a browser sends to one server at once. */
const atOnce = 6

/** Marks every unread message as read; not those that came after the shown list was loaded, which nobody has seen. */
export async function markAllAsRead(): Promise<void> {
  const newestShown = queryClient.getQueryData<Pages>(listKey)?.pages[0]?.items[0]?.created_at ?? ''
  try {
    let cursor: string | undefined
    do {
      const query = { unread: 'true', limit: 200, ...(cursor === undefined ? {} : { cursor }) } as const
      const { items, next } = await pageOf(api.GET('/api/v1/messages', { params: { query } }))
      const shown = items.filter(({ created_at: at }) => at <= newestShown)
      for (let first = 0; first < shown.length; first += atOnce)
        await Promise.all(shown.slice(first, first + atOnce).map(({ id }) => sendRead(id)))
      cursor = next
    } while (cursor !== undefined)
  } finally {
    // Also after a failure: some are read.
    await queryClient.invalidateQueries({ queryKey: ['messages'] })
  }
}
