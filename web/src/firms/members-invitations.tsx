import { Button } from '@mantine/core'
import { useInfiniteQuery, useMutation, useQuery } from '@tanstack/react-query'
import { useEffect, useRef, useState } from 'react'

import { api } from '../api/client.ts'
import type { Schemas } from '../api/openapi.d.ts'
import { dataOf } from '../api/problem.ts'
import { type Firm, optionsQuery } from '../api/queries.ts'
import { useNotify } from '../app/notices.tsx'
import { Confirm } from '../parts/confirm.tsx'
import { Field, Form } from '../parts/form.tsx'
import { ProblemBox } from '../parts/problem-box.tsx'
import { ShownOnce } from '../parts/shown-once.tsx'
import { Given, useFormats, useTexts } from '../texts/texts.tsx'
import { invitationsQuery, refreshMembers, useIsWithoutAdmin } from './member-queries.ts'
import { RoleChoice, roleOf } from './members-list.tsx'
import { MoreButton } from '../parts/more-button.tsx'

type Created = Schemas['CreatedInvitation']

/** Invites people, and lists the invitations that are open. */
export function Invitations({ firm }: { firm: Firm }) {
  const { members: texts } = useTexts()
  const open = useInfiniteQuery(invitationsQuery(firm.id))
  const [created, setCreated] = useState<Created>()
  const mayInvite = useMayInvite(firm)
  const invitations = open.data?.pages.flatMap(({ items }) => items) ?? []
  return (
    <>
      {mayInvite ? <Invite firm={firm} onCreated={setCreated} /> : null}
      {created === undefined ? null : (
        <CreatedInvitation key={created.link} invitation={created} close={() => setCreated(undefined)} />
      )}
      {open.error === null ? null : <ProblemBox error={open.error} retry={() => void open.refetch()} />}
      {invitations.length === 0 ? null : (
        <section>
          <h2>{texts.open}</h2>
          <ul className="rows">
            {invitations.map((invitation) => (
              <InvitationRow
                key={invitation.id}
                firm={firm}
                invitation={invitation}
                onCreated={setCreated}
                onWithdrawn={() => setCreated((shown) => (shown?.id === invitation.id ? undefined : shown))}
              />
            ))}
          </ul>
          <MoreButton list={open} />
        </section>
      )}
    </>
  )
}

/** Administrators of the platform invite the first administrator of a firm, and nobody else. */
function useMayInvite(firm: Firm): boolean {
  const isWithoutAdmin = useIsWithoutAdmin(firm.id)
  if (firm.is_locked) return false
  return firm.role === 'firm_admin' || (firm.role === 'administrator' && isWithoutAdmin === true)
}

function useInvite(firmId: string, onCreated: (created: Created) => void) {
  return useMutation({
    mutationFn: (body: Schemas['NewInvitationInput']) =>
      dataOf(api.POST('/api/v1/security-firms/{firm_id}/invitations', { params: { path: { firm_id: firmId } }, body })),
    async onSuccess(created) {
      onCreated(created)
      await refreshMembers(firmId)
    },
  })
}

type InviteProps = { firm: Firm; onCreated: (created: Created) => void }

function Invite({ firm, onCreated }: InviteProps) {
  const { members, everyView } = useTexts()
  const isFirst = firm.role === 'administrator'
  const texts = isFirst ? { ...members, ...members.first } : members
  const [isOpen, setOpen] = useState(false)
  const box = useRef<HTMLElement>(null)
  useEffect(() => {
    if (isOpen) box.current?.querySelector('input')?.focus()
  }, [isOpen])
  const inviting = useInvite(firm.id, (created) => {
    setOpen(false)
    onCreated(created)
  })
  if (!isOpen)
    return (
      <Button size="md" onClick={() => setOpen(true)}>
        {texts.invite}
      </Button>
    )
  return (
    <section ref={box} className="box member-form">
      <h2>{texts.invite}</h2>
      <p>{texts.inviteHelp}</p>
      <Form
        label={texts.send}
        isPending={inviting.isPending}
        error={inviting.error}
        submit={(value) =>
          inviting.mutate({ email: value('email'), role: isFirst ? 'firm_admin' : roleOf(value('role')) })
        }
      >
        <Field name="email" type="email" label={texts.inviteEmail} autoComplete="off" />
        {isFirst ? null : <RoleChoice start="firm_user" />}
      </Form>
      <Button variant="subtle" onClick={() => setOpen(false)}>
        {everyView.cancel}
      </Button>
    </section>
  )
}

/** The link, which the service shows this once. */
function CreatedInvitation({ invitation, close }: { invitation: Created; close: () => void }) {
  const { members: texts } = useTexts()
  const formats = useFormats()
  const hasMail = useQuery(optionsQuery).data?.password_reset
  const help = (
    <>
      <p>{texts.sentTo(invitation.email)}</p>
      {hasMail === undefined ? null : <p>{hasMail ? texts.mailed : texts.notMailed}</p>}
      <p>{texts.sentHelp(formats.dateTime(invitation.expires_at))}</p>
    </>
  )
  return (
    <ShownOnce
      title={texts.sentTitle}
      help={help}
      secret={invitation.link}
      copy={texts.copy}
      done={texts.done}
      close={close}
    />
  )
}

type RowProps = {
  firm: Firm
  invitation: Schemas['Invitation']
  onCreated: (created: Created) => void
  onWithdrawn: () => void
}

function InvitationRow({ firm, invitation, onCreated, onWithdrawn }: RowProps) {
  const { members: texts } = useTexts()
  const formats = useFormats()
  const notify = useNotify()
  const mayChange = useMayInvite(firm)
  const { id, email, role } = invitation
  const again = useInvite(firm.id, onCreated)
  const withdrawing = useMutation({
    mutationFn: () =>
      dataOf(
        api.DELETE('/api/v1/security-firms/{firm_id}/invitations/{id}', {
          params: { path: { firm_id: firm.id, id } },
        }),
      ),
    async onSuccess() {
      onWithdrawn()
      await refreshMembers(firm.id)
      notify(texts.withdrawn)
    },
  })
  return (
    <li className="row">
      <div className="row-text">
        <p className="card-title">
          <Given>{email}</Given>
        </p>
        <p className="card-line">
          {texts.roleNames[role]} · {texts.until(formats.dateTime(invitation.expires_at))}
        </p>
      </div>
      {again.error === null ? null : <ProblemBox error={again.error} />}
      {mayChange ? (
        <div className="actions">
          <Button
            variant="default"
            aria-label={texts.againFor(email)}
            loading={again.isPending}
            onClick={() => again.mutate({ email, role })}
          >
            {texts.again}
          </Button>
          <Confirm
            label={texts.withdraw}
            question={texts.withdrawQuestion(email)}
            isDanger
            isPending={withdrawing.isPending}
            error={withdrawing.error}
            run={() => withdrawing.mutate()}
          />
        </div>
      ) : null}
    </li>
  )
}
