import { useMutation, useQuery } from '@tanstack/react-query'

import { api, queryClient } from '../../api/client.ts'
import type { Schemas } from '../../api/openapi.d.ts'
import { dataOf } from '../../api/problem.ts'
import { selfQuery } from '../../api/queries.ts'
import { useNotify } from '../../app/notices.tsx'
import { Form } from '../../parts/form.tsx'
import { isUnproven, ProofField, proofOf } from '../../parts/proof-field.tsx'
import { Given, useTexts } from '../../texts/texts.tsx'
import { Confirm } from '../../parts/confirm.tsx'

type User = Schemas['User']

/** A person with their role on the platform, and what an administrator may change of them. */
export function PersonCard({ user }: { user: User }) {
  const { data: self } = useQuery(selfQuery)
  return (
    <li>
      <div className="card-head">
        <h3 className="operator-job">
          <Given>{`${user.first_name} ${user.last_name}`}</Given>
        </h3>
        <Badges user={user} />
      </div>
      <p className="card-line">
        <Given>{user.email}</Given>
      </p>
      <div className="actions">
        {user.is_administrator ? null : <ReviewerRole user={user} />}
        {user.id === self?.id ? null : (
          <>
            <Lock user={user} />
            <LostFactor user={user} />
          </>
        )}
      </div>
    </li>
  )
}

function Badges({ user }: { user: User }) {
  const { people: texts } = useTexts().operator
  return (
    <span className="actions">
      {user.is_administrator ? <span className="badge badge-wait">{texts.administrator}</span> : null}
      {user.platform_role === 'reviewer' ? <span className="badge badge-wait">{texts.reviewer}</span> : null}
      {user.email_verified ? null : <span className="badge badge-warn">{texts.unverified}</span>}
      {user.is_locked ? <span className="badge badge-bad">{texts.locked}</span> : null}
      {user.is_suspended ? <span className="badge badge-bad">{texts.suspended}</span> : null}
    </span>
  )
}

function usePersonChange<Asked>(call: (asked: Asked) => Promise<unknown>, notice: string) {
  const notify = useNotify()
  return useMutation({
    mutationFn: call,
    async onSuccess() {
      await queryClient.invalidateQueries({ queryKey: ['operator', 'users'] })
      notify(notice)
    },
  })
}

function ReviewerRole({ user }: { user: User }) {
  const { people: texts } = useTexts().operator
  const isReviewer = user.platform_role === 'reviewer'
  const change = usePersonChange(
    (proof: { password?: string }) =>
      dataOf(
        api.PUT('/api/v1/users/{user_id}/platform-role', {
          params: { path: { user_id: user.id } },
          body: { role: isReviewer ? null : 'reviewer', ...proof },
        }),
      ),
    isReviewer ? texts.endedNotice : texts.madeNotice,
  )
  const isProving = isUnproven(change) || change.variables?.password !== undefined
  if (isProving && !isReviewer)
    return (
      <div className="operator-form">
        <Form
          label={texts.makeReviewer}
          isPending={change.isPending}
          error={isUnproven(change) ? null : change.error}
          submit={(value) => change.mutate(proofOf(value))}
        >
          <ProofField error={change.error} />
        </Form>
      </div>
    )
  return (
    <Confirm
      key={String(isReviewer)}
      label={isReviewer ? texts.endReviewer : texts.makeReviewer}
      question={isReviewer ? texts.endQuestion(user.email) : texts.makeQuestion(user.email)}
      isDanger={isReviewer}
      isPending={change.isPending}
      error={change.error}
      run={() => change.mutate({})}
    />
  )
}

function Lock({ user }: { user: User }) {
  const { people: texts } = useTexts().operator
  const isLocked = user.is_locked
  const change = usePersonChange(
    () =>
      dataOf(
        api.PATCH('/api/v1/users/{user_id}', {
          params: { path: { user_id: user.id } },
          body: { is_locked: !isLocked },
        }),
      ),
    isLocked ? texts.unlockedNotice : texts.lockedNotice,
  )
  return (
    <Confirm
      key={String(isLocked)}
      label={isLocked ? texts.unlock : texts.lock}
      question={isLocked ? texts.unlockQuestion(user.email) : texts.lockQuestion(user.email)}
      isDanger={!isLocked}
      isPending={change.isPending}
      error={change.error}
      run={() => change.mutate(undefined)}
    />
  )
}

function LostFactor({ user }: { user: User }) {
  const { people: texts } = useTexts().operator
  const change = usePersonChange(
    () => dataOf(api.DELETE('/api/v1/users/{user_id}/second-factor', { params: { path: { user_id: user.id } } })),
    texts.factorNotice,
  )
  return (
    <Confirm
      key={String(change.isSuccess)}
      label={texts.removeFactor}
      question={texts.factorQuestion(user.email)}
      isDanger
      isPending={change.isPending}
      error={change.error}
      run={() => change.mutate(undefined)}
    />
  )
}
