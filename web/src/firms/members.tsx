import { useMutation, useQuery } from '@tanstack/react-query'
import { useNavigate } from 'react-router'

import { api, queryClient } from '../api/client.ts'
import { dataOf } from '../api/problem.ts'
import { type Firm, firmsQuery, selfQuery } from '../api/queries.ts'
import { FirmBar, useFirm } from '../app/firm-frame.tsx'
import { useNotify } from '../app/notices.tsx'
import { PageFrame } from '../app/page-frame.tsx'
import { Confirm } from '../parts/confirm.tsx'
import { useTexts } from '../texts/texts.tsx'
import { Invitations } from './members-invitations.tsx'
import { MemberList } from './members-list.tsx'
import './members.css'

/** The people of a firm, for its administrators; other members see their role and can leave. */
export function Members() {
  const { members: texts, roles } = useTexts()
  const firm = useFirm()
  const self = useQuery(selfQuery)
  const isOfPlatform = firm.role === 'administrator' || firm.role === 'reviewer'
  const maySee = firm.role === 'firm_admin' || firm.role === 'administrator'
  return (
    <PageFrame title={texts.title} above={<FirmBar firm={firm} />}>
      <p>
        {texts.yourRole(roles[firm.role])}
        {maySee ? null : <> {texts.askAdmin}</>}
      </p>
      {maySee ? (
        <>
          <Invitations firm={firm} />
          <MemberList firm={firm} selfId={self.data?.id} />
        </>
      ) : null}
      {isOfPlatform ? null : <Leave firm={firm} />}
    </PageFrame>
  )
}

function Leave({ firm }: { firm: Firm }) {
  const { members: texts } = useTexts()
  const navigate = useNavigate()
  const notify = useNotify()
  const leaving = useMutation({
    mutationFn: () =>
      dataOf(api.DELETE('/api/v1/auth/me/memberships/{firm_id}', { params: { path: { firm_id: firm.id } } })),
    async onSuccess() {
      // Before the firm's own queries end: its views would ask for what the person may not see any more.
      await navigate('/firms', { replace: true })
      notify(texts.left(firm.name))
      queryClient.removeQueries({ queryKey: ['firm', firm.id] })
      await queryClient.invalidateQueries(firmsQuery)
    },
  })
  return (
    <section>
      <h2>{texts.leaveTitle}</h2>
      <div className="actions">
        <Confirm
          label={texts.leave}
          question={texts.leaveQuestion(firm.name)}
          isDanger
          isPending={leaving.isPending}
          error={leaving.error}
          run={() => leaving.mutate()}
        />
      </div>
    </section>
  )
}
