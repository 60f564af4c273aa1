import { Button, TextInput } from '@mantine/core'
import { useMutation, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { Link, useNavigate } from 'react-router'

import { api, queryClient } from '../api/client.ts'
import type { Schemas } from '../api/openapi.d.ts'
import { dataOf } from '../api/problem.ts'
import { firmsQuery, selfQuery } from '../api/queries.ts'
import { Empty, Loading, PageFrame } from '../app/page-frame.tsx'
import { ProblemBox } from '../parts/problem-box.tsx'
import { Given, useTexts } from '../texts/texts.tsx'

/** A search is offered from this number of firms on. */
const manyFirms = 8

export function FirmList() {
  const { firms: texts } = useTexts()
  const firms = useQuery(firmsQuery)
  const self = useQuery(selfQuery)
  if (firms.data === undefined && firms.error === null) return <Loading />
  return (
    <PageFrame title={isOfPlatform(self.data) ? texts.all : texts.title}>
      <Invitations invitations={self.data?.invitations ?? []} />
      {firms.error === null ? null : <ProblemBox error={firms.error} retry={() => void firms.refetch()} />}
      {firms.data === undefined ? null : <Firms firms={firms.data} />}
      <RegisterLink self={self.data} isFirst={firms.data?.length === 0} />
    </PageFrame>
  )
}

function RegisterLink({ self, isFirst }: { self: Schemas['Self'] | undefined; isFirst: boolean }) {
  const { firms: texts } = useTexts()
  if (self === undefined || isOfPlatform(self)) return null
  return (
    <Button component={Link} to="/firms/register" size="md" variant={isFirst ? 'filled' : 'default'}>
      {texts.register}
    </Button>
  )
}

/** Administrators and reviewers of the platform have no firm of their own, and see all. */
function isOfPlatform(self: Schemas['Self'] | undefined): boolean {
  return self !== undefined && (self.is_administrator || self.platform_role !== null)
}

function Firms({ firms }: { firms: Schemas['Firm'][] }) {
  const { firms: texts } = useTexts()
  const [words, setWords] = useState('')
  const shown = firms.filter((firm) => matches(firm, words)).toSorted(byName)
  if (firms.length === 0) return <Empty title={texts.none} help={texts.noneHelp} />
  return (
    <>
      {firms.length < manyFirms ? null : (
        <TextInput
          type="search"
          size="md"
          label={texts.search}
          value={words}
          onChange={(event) => setWords(event.currentTarget.value)}
        />
      )}
      <ul className="cards">
        {shown.map((firm) => (
          <FirmCard key={firm.id} firm={firm} />
        ))}
      </ul>
      {shown.length === 0 ? <p>{texts.noMatch}</p> : null}
    </>
  )
}

function byName({ name: one }: Schemas['Firm'], { name: other }: Schemas['Firm']): number {
  return one.localeCompare(other, 'en')
}

function matches({ name, registration_number: number }: Schemas['Firm'], words: string): boolean {
  const text = `${name} ${number}`.toLowerCase()
  return words
    .toLowerCase()
    .split(' ')
    .every((word) => text.includes(word))
}

function FirmCard({ firm }: { firm: Schemas['Firm'] }) {
  const { firms, firmStates, roles } = useTexts()
  return (
    <li>
      <Link to={`/firms/${firm.id}/checklist`} className="card card-link">
        <span className="card-title">
          <Given>{firm.name}</Given>
        </span>
        <span className="card-line">{firms.registration(firm.registration_number)}</span>
        <span className="card-line">
          {firmStates[firm.verification_status] ?? firm.verification_status}
          {firm.role === 'administrator' || firm.role === 'reviewer' ? null : <> · {firms.youAre(roles[firm.role])}</>}
        </span>
      </Link>
    </li>
  )
}

function Invitations({ invitations }: { invitations: Schemas['Self']['invitations'] }) {
  const { firms, invitation: texts, roles } = useTexts()
  const navigate = useNavigate()
  const accepting = useMutation({
    mutationFn: (id: string) =>
      dataOf(api.POST('/api/v1/auth/me/invitations/{id}/accept', { params: { path: { id } } })),
    async onSuccess({ firm_id: firmId }) {
      await queryClient.invalidateQueries()
      void navigate(`/firms/${firmId}/checklist`)
    },
  })
  const declining = useMutation({
    mutationFn: (id: string) => dataOf(api.DELETE('/api/v1/auth/me/invitations/{id}', { params: { path: { id } } })),
    onSuccess: () => queryClient.invalidateQueries(selfQuery),
  })
  const error = accepting.error ?? declining.error
  // One answer at a time: the other one would be about an invitation that is gone.
  const isAnswering = accepting.isPending || declining.isPending
  if (invitations.length === 0) return null
  return (
    <section>
      <h2>{firms.invitations}</h2>
      {error === null ? null : <ProblemBox error={error} />}
      <ul className="cards">
        {invitations.map(({ id, firm_name: firm, role }) => (
          <li key={id} className="card">
            <span className="card-line">{texts.text(firm, roles[role])}</span>
            <span className="actions">
              <Button
                aria-label={texts.acceptOf(firm)}
                loading={accepting.isPending && accepting.variables === id}
                disabled={isAnswering}
                onClick={() => accepting.mutate(id)}
              >
                {texts.accept}
              </Button>
              <Button
                variant="default"
                aria-label={texts.declineOf(firm)}
                loading={declining.isPending && declining.variables === id}
                disabled={isAnswering}
                onClick={() => declining.mutate(id)}
              >
                {texts.decline}
              </Button>
            </span>
          </li>
        ))}
      </ul>
    </section>
  )
}
