import { Button } from '@mantine/core'

import { useTexts } from '../texts/texts.tsx'

type Props = { list: { hasNextPage: boolean; isFetchingNextPage: boolean; fetchNextPage: () => Promise<unknown> } }

/** Loads the next page of a list. Nothing at its end. */
export function MoreButton({ list }: Props) {
  const { everyView } = useTexts()
  if (!list.hasNextPage) return null
  return (
    <Button variant="default" size="md" loading={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>
      {everyView.showMore}
    </Button>
  )
}
