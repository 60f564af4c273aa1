import { Button } from '@mantine/core'
import { queryOptions, useQuery } from '@tanstack/react-query'
import { useSearchParams } from 'react-router'

import { api } from '../../api/client.ts'
import type { Schemas } from '../../api/openapi.d.ts'
import { dataOf } from '../../api/problem.ts'
import { Field, Form } from '../../parts/form.tsx'
import { ProblemBox } from '../../parts/problem-box.tsx'
import { useTexts } from '../../texts/texts.tsx'
import { OperatorFrame } from '../operator-frame.tsx'
import { PersonCard } from './person-card.tsx'

type User = Schemas['User']
type Search = { email: string } | { platform_role: 'reviewer' | 'administrator' }

const usersQuery = (search: Search) =>
  queryOptions({
    queryKey: ['operator', 'users', search],
    queryFn: () => dataOf(api.GET('/api/v1/users', { params: { query: search } })),
  })

/** Who runs the platform, and the person with an e-mail. The e-mail is in the address. */
export function PeopleView() {
  const { people: texts } = useTexts().operator
  const [parameters, setParameters] = useSearchParams()
  const email = parameters.get('email') ?? ''
  const found = useQuery({ ...usersQuery({ email }), enabled: email !== '' })
  return (
    <OperatorFrame title={texts.title}>
      <div className="operator-form">
        <Form
          key={email}
          label={texts.find}
          isPending={found.isFetching && email !== ''}
          error={found.error}
          submit={(value) => setParameters({ email: value('email') })}
        >
          <Field name="email" type="email" label={texts.search} description={texts.searchHint} defaultValue={email} />
        </Form>
      </div>
      <p className="hint">{texts.forgotten}</p>
      {email === '' ? null : (
        <section aria-live="polite">
          {found.data === undefined ? null : (
            <>
              <h2>{found.data.length === 0 ? texts.nobodyFound : texts.found}</h2>
              <People users={found.data} none={texts.notFound} />
            </>
          )}
          <Button variant="default" className="operator-start" onClick={() => setParameters({})}>
            {texts.clear}
          </Button>
        </section>
      )}
      <Role role="administrator" title={texts.administrators} help={texts.administratorsHelp} />
      <Role role="reviewer" title={texts.reviewers} help={texts.reviewersHelp} />
    </OperatorFrame>
  )
}

function Role({ role, title, help }: { role: 'reviewer' | 'administrator'; title: string; help: string }) {
  const { people: texts } = useTexts().operator
  const users = useQuery(usersQuery({ platform_role: role }))
  if (users.data === undefined && users.error === null) return null
  return (
    <section>
      <h2>{title}</h2>
      <p>{help}</p>
      {users.error === null ? null : <ProblemBox error={users.error} retry={() => void users.refetch()} />}
      {users.data === undefined ? null : <People users={users.data} none={texts.none} />}
    </section>
  )
}

function People({ users, none }: { users: User[]; none: string }) {
  if (users.length === 0) return <p>{none}</p>
  return (
    <ul className="operator-list">
      {users.map((user) => (
        <PersonCard key={user.id} user={user} />
      ))}
    </ul>
  )
}
