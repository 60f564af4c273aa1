import { useInfiniteQuery } from '@tanstack/react-query'
import { Link } from 'react-router'

import type { Firm } from '../../api/queries.ts'
import { membersQuery, useIsWithoutAdmin } from '../../firms/member-queries.ts'
import { ProblemBox } from '../../parts/problem-box.tsx'
import { Given, useTexts } from '../../texts/texts.tsx'

/** Who manages the firm, and the way to its members, where its first administrator is invited. */
export function FirmMembers({ firm }: { firm: Firm }) {
  const { firms: texts } = useTexts().operator
  const members = useInfiniteQuery(membersQuery(firm.id))
  const isWithoutAdmin = useIsWithoutAdmin(firm.id)
  const all = members.data?.pages.flatMap(({ items }) => items) ?? []
  const admins = all.filter(({ role, status }) => role === 'firm_admin' && status === 'active')
  return (
    <section>
      <h2>{texts.membersTitle}</h2>
      {members.error === null ? null : <ProblemBox error={members.error} retry={() => void members.refetch()} />}
      {isWithoutAdmin === true ? <p>{texts.noAdmin}</p> : null}
      {admins.length === 0 ? null : (
        <p>
          {texts.admins}{' '}
          <Given>{admins.map((each) => `${each.first_name} ${each.last_name} (${each.email})`).join(', ')}</Given>
        </p>
      )}
      <Link to={`/firms/${firm.id}/members`} className="tap">
        {isWithoutAdmin === true ? texts.inviteFirst : texts.toMembers}
      </Link>
    </section>
  )
}
