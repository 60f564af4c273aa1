import { TextInput } from '@mantine/core'
import { infiniteQueryOptions, useInfiniteQuery } from '@tanstack/react-query'
import { useEffect } from 'react'
import { Link, useSearchParams } from 'react-router'

import { api } from '../../api/client.ts'
import type { Schemas } from '../../api/openapi.d.ts'
import { pageOf } from '../../api/problem.ts'
import { Empty, Loading } from '../../app/page-frame.tsx'
import { ProblemBox } from '../../parts/problem-box.tsx'
import { Given, useFormats, useTexts } from '../../texts/texts.tsx'
import { OperatorFrame } from '../operator-frame.tsx'
import { MoreButton } from '../../parts/more-button.tsx'

type Firm = Schemas['Firm']

export const allFirmsQuery = infiniteQueryOptions({
  queryKey: ['operator', 'firms'],
  initialPageParam: undefined as string | undefined,
  queryFn: ({ pageParam }) =>
    pageOf(
      api.GET('/api/v1/security-firms', {
        params: { query: { limit: 200, ...(pageParam === undefined ? {} : { cursor: pageParam }) } },
      }),
    ),
  getNextPageParam: ({ next }) => next,
})

/** Every firm, newest first. The words of the search are in the address. */
export function FirmsView() {
  const { firms: texts } = useTexts().operator
  const [parameters, setParameters] = useSearchParams()
  const words = parameters.get('words') ?? ''
  const list = useInfiniteQuery(allFirmsQuery)
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = list

  // A search must not miss a firm that is not loaded yet.
  useEffect(() => {
    if (words !== '' && hasNextPage && !isFetchingNextPage) void fetchNextPage()
  }, [words, hasNextPage, isFetchingNextPage, fetchNextPage])

  if (list.data === undefined && list.error === null) return <Loading />
  const firms = list.data?.pages.flatMap(({ items }) => items) ?? []
  return (
    <OperatorFrame title={texts.title}>
      {list.error === null ? null : <ProblemBox error={list.error} retry={() => void list.refetch()} />}
      <TextInput
        type="search"
        size="md"
        label={texts.search}
        value={words}
        onChange={({ currentTarget: { value } }) =>
          setParameters(value === '' ? {} : { words: value }, { replace: true })
        }
      />
      <Found firms={firms} words={words} isLoading={list.isPending || isFetchingNextPage} />
      {words === '' ? <MoreButton list={list} /> : null}
    </OperatorFrame>
  )
}

function Found({ firms, words, isLoading }: { firms: Firm[]; words: string; isLoading: boolean }) {
  const { firms: texts } = useTexts().operator
  const found = firms.filter((firm) => matches(firm, words))
  if (firms.length === 0) return <Empty title={texts.none} help={texts.noneHelp} />
  if (found.length === 0) return <p role="status">{isLoading ? texts.searching : texts.noMatch}</p>
  return (
    <ul className="operator-list">
      {found.map((firm) => (
        <FirmRow key={firm.id} firm={firm} />
      ))}
    </ul>
  )
}

function matches({ name, registration_number: number, email }: Firm, words: string): boolean {
  const text = `${name} ${number} ${email}`.toLowerCase()
  return words
    .toLowerCase()
    .split(' ')
    .every((word) => text.includes(word))
}

function FirmRow({ firm }: { firm: Firm }) {
  const { firms: everyView, firmStates } = useTexts()
  const formats = useFormats()
  return (
    <li>
      <div className="card-head">
        <Link to={`/admin/firms/${firm.id}`} className="card-title tap">
          <Given>{firm.name}</Given>
        </Link>
        <FirmBadges firm={firm} />
      </div>
      <p className="card-line">
        {everyView.registration(firm.registration_number)} ·{' '}
        {firmStates[firm.verification_status] ?? <Given>{firm.verification_status}</Given>} ·{' '}
        {formats.date(firm.created_at)}
      </p>
    </li>
  )
}

export function FirmBadges({ firm }: { firm: Pick<Firm, 'is_locked' | 'hold'> }) {
  const { firms: texts } = useTexts().operator
  if (!firm.is_locked && !firm.hold) return null
  return (
    <span className="actions">
      {firm.is_locked ? <span className="badge badge-bad">{texts.locked}</span> : null}
      {firm.hold ? <span className="badge badge-warn">{texts.onHold}</span> : null}
    </span>
  )
}
