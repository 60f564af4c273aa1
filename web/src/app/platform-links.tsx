import { Anchor } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link } from 'react-router'

import { selfQuery } from '../api/queries.ts'
import { useTexts } from '../texts/texts.tsx'

/** In the head of every view, for administrators of the platform. */
export function OperatorLink() {
  const { shell } = useTexts()
  const { data: self } = useQuery(selfQuery)
  if (self?.is_administrator !== true) return null
  return (
    <Anchor component={Link} to="/admin">
      {shell.operator}
    </Anchor>
  )
}

/** In the head of every view, for reviewers and administrators of the platform. */
export function ReviewerLinks() {
  const { review: texts } = useTexts()
  const { data: self } = useQuery(selfQuery)
  if (self === undefined || (!self.is_administrator && self.platform_role !== 'reviewer')) return null
  return (
    <>
      <Anchor component={Link} to="/review">
        {texts.title}
      </Anchor>
      {self.is_administrator ? (
        <Anchor component={Link} to="/review/applications">
          {texts.applications}
        </Anchor>
      ) : null}
    </>
  )
}
