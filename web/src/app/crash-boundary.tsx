import { Button, Stack, Text } from '@mantine/core'
import { Component, type ReactNode } from 'react'

import { useTexts } from '../texts/texts.tsx'

/** Shows a way forward instead of an empty page if a view throws. */
export class CrashBoundary extends Component<{ children: ReactNode }, { hasCrashed: boolean }> {
  override state = { hasCrashed: false }

  static getDerivedStateFromError(): { hasCrashed: boolean } {
    return { hasCrashed: true }
  }

  override render() {
    return this.state.hasCrashed ? <Crashed /> : this.props.children
  }
}

function Crashed() {
  const { errors } = useTexts()
  return (
    <main className="narrow">
      <Stack align="flex-start">
        <h1>{errors.crashed}</h1>
        <Text>{errors.crashedHelp}</Text>
        <Button onClick={() => location.reload()}>{errors.reload}</Button>
      </Stack>
    </main>
  )
}
