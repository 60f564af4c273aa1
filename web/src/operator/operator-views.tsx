import { Route, Routes } from 'react-router'

import { NotFound } from '../app/page-frame.tsx'
import { ApiKeysView } from './programs/api-keys.tsx'
import { FirmView } from './firms/firm-view.tsx'
import { FirmsView } from './firms/firms.tsx'
import { HistoryView } from './history/history-view.tsx'
import { MailsView } from './mails/mails.tsx'
import { RequireAdministrator } from './operator-frame.tsx'
import { Overview } from './overview/overview.tsx'
import { PeopleView } from './people/people.tsx'
import { NewType, TypeList, TypeView } from './types/document-types.tsx'
import { WebhookView } from './programs/webhook-view.tsx'
import { WebhooksView } from './programs/webhooks.tsx'

/** Everything below `/admin`, for administrators of the platform. It loads on demand. */
export function OperatorViews() {
  return (
    <Routes>
      <Route element={<RequireAdministrator />}>
        <Route index element={<Overview />} />
        <Route path="history" element={<HistoryView />} />
        <Route path="types" element={<TypeList />} />
        <Route path="types/new" element={<NewType />} />
        <Route path="types/:code" element={<TypeView />} />
        <Route path="firms" element={<FirmsView />} />
        <Route path="firms/:firmId" element={<FirmView />} />
        <Route path="people" element={<PeopleView />} />
        <Route path="mails" element={<MailsView />} />
        <Route path="keys" element={<ApiKeysView />} />
        <Route path="webhooks" element={<WebhooksView />} />
        <Route path="webhooks/:webhookId" element={<WebhookView />} />
      </Route>
      <Route path="*" element={<NotFound />} />
    </Routes>
  )
}
