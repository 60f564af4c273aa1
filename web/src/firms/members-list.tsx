import { Button } from '@mantine/core'
import { useInfiniteQuery, useMutation } from '@tanstack/react-query'
import { useState } from 'react'

import { api } from '../api/client.ts'
import type { Schemas } from '../api/openapi.d.ts'
import { dataOf } from '../api/problem.ts'
import type { Firm } from '../api/queries.ts'
import { useNotify } from '../app/notices.tsx'
import { Choice } from '../parts/choice.tsx'
import { Confirm } from '../parts/confirm.tsx'
import { Form } from '../parts/form.tsx'
import { ProblemBox } from '../parts/problem-box.tsx'
import { Given, useTexts } from '../texts/texts.tsx'
import { type Member, type MemberRole, memberRoles, membersQuery, refreshMembers } from './member-queries.ts'
import { MoreButton } from '../parts/more-button.tsx'

export function MemberList({ firm, selfId }: { firm: Firm; selfId: string | undefined }) {
  const { members: texts } = useTexts()
  const members = useInfiniteQuery(membersQuery(firm.id))
  return (
    <section>
      <h2>{texts.list}</h2>
      {members.error === null ? null : <ProblemBox error={members.error} retry={() => void members.refetch()} />}
      <ul className="rows" aria-busy={members.isPending}>
        {members.data?.pages.flatMap(({ items }) =>
          items.map((member) => (
            <MemberRow key={member.user_id} firm={firm} member={member} isSelf={member.user_id === selfId} />
          )),
        )}
      </ul>
      <MoreButton list={members} />
    </section>
  )
}

type RowProps = { firm: Firm; member: Member; isSelf: boolean }

function MemberRow({ firm, member, isSelf }: RowProps) {
  const { members: texts } = useTexts()
  const { status } = member
  // The platform alone decides on pending members.
  const mayChange = firm.role === 'firm_admin' && !firm.is_locked && !isSelf && status !== 'pending'
  return (
    <li className="row">
      <div className="row-text">
        <p className="card-title">
          <Given>{`${member.first_name} ${member.last_name}`}</Given>
        </p>
        <p className="card-line">
          <Given>{member.email}</Given>
        </p>
        <span className="actions">
          <span className="badge badge-plain">{texts.roleNames[member.role]}</span>
          {isSelf ? <span className="badge badge-wait">{texts.you}</span> : null}
          {status === 'active' ? null : <span className="badge badge-warn">{texts.statuses[status]}</span>}
        </span>
      </div>
      {mayChange ? <MemberActions firmId={firm.id} member={member} /> : null}
    </li>
  )
}

function useMemberChange(firmId: string, userId: string) {
  const { members: texts, roles } = useTexts()
  const notify = useNotify()
  return useMutation({
    mutationFn: (body: Schemas['MemberChangeInput']) =>
      dataOf(
        api.PATCH('/api/v1/security-firms/{firm_id}/members/{user_id}', {
          params: { path: { firm_id: firmId, user_id: userId } },
          body,
        }),
      ),
    async onSuccess(_member, { role, status }) {
      await refreshMembers(firmId)
      if (role !== undefined) notify(texts.roleChanged(roles[role]))
      else notify(status === 'suspended' ? texts.suspended : texts.reinstated)
    },
  })
}

type ActionsProps = { firmId: string; member: Member }

function MemberActions({ firmId, member }: ActionsProps) {
  const { members: texts } = useTexts()
  const notify = useNotify()
  const [isChanging, setChanging] = useState(false)
  const status = useMemberChange(firmId, member.user_id)
  const removing = useMutation({
    mutationFn: () =>
      dataOf(
        api.DELETE('/api/v1/security-firms/{firm_id}/members/{user_id}', {
          params: { path: { firm_id: firmId, user_id: member.user_id } },
        }),
      ),
    async onSuccess() {
      await refreshMembers(firmId)
      notify(texts.removed)
    },
  })
  const isActive = member.status === 'active'
  if (isChanging) return <RoleForm firmId={firmId} member={member} close={() => setChanging(false)} />
  return (
    <div className="actions">
      <Button variant="default" onClick={() => setChanging(true)}>
        {texts.changeRole}
      </Button>
      <Confirm
        key={member.status}
        label={isActive ? texts.suspend : texts.reinstate}
        question={isActive ? texts.suspendQuestion(member.email) : texts.reinstateQuestion(member.email)}
        isDanger={isActive}
        isPending={status.isPending}
        error={status.error}
        run={() => status.mutate({ status: isActive ? 'suspended' : 'active' })}
      />
      <Confirm
        label={texts.remove}
        question={texts.removeQuestion(member.email)}
        isDanger
        isPending={removing.isPending}
        error={removing.error}
        run={() => removing.mutate()}
      />
    </div>
  )
}

function RoleForm({ firmId, member, close }: ActionsProps & { close: () => void }) {
  const { everyView } = useTexts()
  const change = useMemberChange(firmId, member.user_id)
  return (
    <div className="box member-form" role="group" aria-label={member.email}>
      <Form
        label={everyView.save}
        isPending={change.isPending}
        error={change.error}
        submit={(value) => change.mutate({ role: roleOf(value('role')) }, { onSuccess: close })}
      >
        <RoleChoice start={member.role} />
      </Form>
      <Button variant="subtle" onClick={close}>
        {everyView.cancel}
      </Button>
    </div>
  )
}

/** A field `role` that explains each of them. */
export function RoleChoice({ start }: { start: MemberRole }) {
  const { members: texts } = useTexts()
  const [role, setRole] = useState(start)
  return (
    <div>
      <Choice
        label={texts.role}
        name="role"
        value={role}
        onChange={(value) => setRole(roleOf(value))}
        choices={memberRoles.map((value) => ({ value, label: texts.roleNames[value] }))}
      />
      <p className="hint" aria-live="polite">
        {texts.roleHelp[role]}
      </p>
    </div>
  )
}

/** The role that a form sent. */
export function roleOf(value: string): MemberRole {
  return memberRoles.find((role) => role === value) ?? 'field_staff'
}
