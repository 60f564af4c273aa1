import { lazy, Suspense } from 'react'
import { Navigate, Outlet, Route, Routes, useLocation } from 'react-router'

import { sessionEnd, useSessionStatus } from '../api/session.ts'
import { SignIn } from '../account/sign-in.tsx'
import { Checklist } from '../documents/checklist.tsx'
import { FirmList } from '../firms/firm-list.tsx'
import { FirmFrame } from './firm-frame.tsx'
import { Loading, NotFound } from './page-frame.tsx'
import { Start } from './first-view.tsx'
import { SignedIn } from './signed-in.tsx'

// The first views are in the first file; the others load on demand.
const Register = lazy(async () => ({ default: (await import('../account/register.tsx')).Register }))
const ForgotPassword = lazy(async () => ({ default: (await import('../account/forgot-password.tsx')).ForgotPassword }))
const ResetPassword = lazy(async () => ({ default: (await import('../account/reset-password.tsx')).ResetPassword }))
const VerifyEmail = lazy(async () => ({ default: (await import('../account/verify-email.tsx')).VerifyEmail }))
const Invitation = lazy(async () => ({ default: (await import('../account/invitation.tsx')).Invitation }))
const Account = lazy(async () => ({ default: (await import('../account/account.tsx')).Account }))
const MessagesView = lazy(async () => ({ default: (await import('../messages/messages-view.tsx')).MessagesView }))
const RegisterFirm = lazy(async () => ({ default: (await import('../firms/register-firm.tsx')).RegisterFirm }))
const Members = lazy(async () => ({ default: (await import('../firms/members.tsx')).Members }))
const DocumentList = lazy(async () => ({ default: (await import('../documents/document-list.tsx')).DocumentList }))
const DocumentView = lazy(async () => ({ default: (await import('../documents/document-view.tsx')).DocumentView }))
const OperatorViews = lazy(async () => ({ default: (await import('../operator/operator-views.tsx')).OperatorViews }))
const QueueView = lazy(async () => ({ default: (await import('../review/queue-view.tsx')).QueueView }))
const ReviewDesk = lazy(async () => ({ default: (await import('../review/desk.tsx')).ReviewDesk }))
const Applications = lazy(async () => ({
  default: (await import('../applications/application-list.tsx')).ApplicationList,
}))
const Application = lazy(async () => ({
  default: (await import('../applications/application-view.tsx')).ApplicationView,
}))

/** The addresses of the page. The service serves the page at the same ones (`pagePaths` in `src/http/page/page-routes.ts`). */
export function Views() {
  return (
    <Suspense fallback={<Loading />}>
      <Routes>
        <Route path="/" element={<Start />} />
        <Route path="/sign-in" element={<SignIn />} />
        <Route path="/register" element={<Register />} />
        <Route path="/forgot-password" element={<ForgotPassword />} />
        <Route path="/reset-password" element={<ResetPassword />} />
        <Route path="/verify-email" element={<VerifyEmail />} />
        <Route path="/invitation" element={<Invitation />} />
        <Route element={<RequireSession />}>
          <Route path="/account" element={<Account />} />
          <Route path="/messages" element={<MessagesView />} />
          <Route path="/admin/*" element={<OperatorViews />} />
          <Route path="/review" element={<QueueView />} />
          <Route path="/review/applications" element={<Applications />} />
          <Route path="/review/applications/:firmId" element={<Application />} />
          <Route path="/review/documents/:firmId/:documentId" element={<ReviewDesk />} />
          <Route path="/firms" element={<FirmList />} />
          <Route path="/firms/register" element={<RegisterFirm />} />
          <Route path="/firms/:firmId" element={<FirmFrame />}>
            <Route index element={<Navigate to="checklist" replace />} />
            <Route path="checklist" element={<Checklist />} />
            <Route path="documents" element={<DocumentList />} />
            <Route path="members" element={<Members />} />
            <Route path="documents/:documentId" element={<DocumentView />} />
          </Route>
        </Route>
        <Route path="*" element={<NotFound />} />
      </Routes>
    </Suspense>
  )
}

/** Sends a person without a session to sign in, and back to this address afterwards unless they signed out. */
function RequireSession() {
  const status = useSessionStatus()
  const { pathname, search } = useLocation()
  if (status === 'signed_out') {
    // The next person at this device begins at their own start.
    const back = sessionEnd() === 'signed_out' ? '' : `?to=${encodeURIComponent(pathname + search)}`
    return <Navigate to={`/sign-in${back}`} replace />
  }
  return (
    <SignedIn>
      <Outlet />
    </SignedIn>
  )
}
