import { createRoot } from 'react-dom/client'

import '@mantine/core/styles/baseline.css'
import '@mantine/core/styles/default-css-variables.css'
import '@mantine/core/styles/global.css'
import '@mantine/core/styles/UnstyledButton.css'
import '@mantine/core/styles/VisuallyHidden.css'
import '@mantine/core/styles/Group.css'
import '@mantine/core/styles/Loader.css'
import '@mantine/core/styles/Input.css'
import '@mantine/core/styles/ActionIcon.css'
import '@mantine/core/styles/CloseButton.css'
import '@mantine/core/styles/Button.css'
import '@mantine/core/styles/Anchor.css'
import '@mantine/core/styles/Text.css'
import '@mantine/core/styles/Stack.css'
import '@mantine/core/styles/PasswordInput.css'
import '@mantine/core/styles/Skeleton.css'
import 'virtual:theme.css'
import './app/page.css'
import { App } from './app/app.tsx'
import { loadLanguage } from './texts/texts.tsx'

// After an update the page of an open tab may ask for a file that is gone.
window.addEventListener('vite:preloadError', (event) => {
  event.preventDefault()
  location.reload()
})

const element = document.querySelector('#page')
if (element === null) throw new Error('index.html has no element for the page')
createRoot(element).render(<App language={await loadLanguage()} />)
