import { Route, Routes } from 'react-router'

import { NotFound } from '../app/page-frame.tsx'
import { HistoryView } from './history-view.tsx'
import { RequireAdministrator } from './operator-frame.tsx'
import { Overview } from './overview.tsx'

/** Everything below `/admin`, for administrators of the platform. It loads on demand. */
export function OperatorViews() {
  return (
    <Routes>
      <Route element={<RequireAdministrator />}>
        <Route index element={<Overview />} />
        <Route path="history" element={<HistoryView />} />
      </Route>
      <Route path="*" element={<NotFound />} />
    </Routes>
  )
}
