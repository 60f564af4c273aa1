"""The application of a firm: it uploads, lists and downloads documents, and receives webhooks."""

import json
import time
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

import httpx
from fastapi import FastAPI, HTTPException, Request, UploadFile
from fastapi.responses import StreamingResponse
from starlette.background import BackgroundTask

from verify_webhook import is_authentic

settings = json.loads(Path("settings.json").read_text())
# By webhook-id: an event may arrive more than once. A real application stores them in its database.
events: dict[str, dict] = {}


@asynccontextmanager
async def lifespan(app: FastAPI):
    documents = f"{settings['service']}/api/v1/security-firms/{settings['firm_id']}/documents"
    headers = {"Authorization": f"Bearer {settings['api_key']}"}
    # A download is a redirect if the file is in S3. httpx sends the key to no other host.
    async with httpx.AsyncClient(base_url=documents, headers=headers, follow_redirects=True, timeout=60) as client:
        app.state.documents = client
        yield


app = FastAPI(lifespan=lifespan)


def checked(answer: httpx.Response) -> httpx.Response:
    """Passes an error of the service on, with the sentence that says what to do."""
    if answer.is_error:
        problem = answer.json()
        raise HTTPException(answer.status_code, {"code": problem["code"], "detail": problem["detail"]})
    return answer


@app.post("/documents", status_code=201)
async def upload(request: Request, document_type: str, file: UploadFile):
    files = {"file": (file.filename, file.file)}
    client = request.app.state.documents
    return checked(await client.post("", params={"document_type": document_type}, files=files)).json()


@app.get("/documents")
async def list_documents(request: Request):
    documents, page = [], await request.app.state.documents.get("")
    while True:
        documents += checked(page).json()
        following = page.links.get("next")
        if following is None:
            return documents
        page = await request.app.state.documents.get(page.url.join(following["url"]))


@app.get("/documents/{document_id}/file")
async def download(request: Request, document_id: UUID):
    client = request.app.state.documents
    answer = await client.send(client.build_request("GET", f"/{document_id}/download"), stream=True)
    if answer.is_error:
        await answer.aread()
        checked(answer)
    headers = {"Content-Disposition": answer.headers["Content-Disposition"]}
    media_type = answer.headers["Content-Type"]
    return StreamingResponse(answer.aiter_bytes(), 200, headers, media_type, BackgroundTask(answer.aclose))


@app.post("/webhooks", status_code=204)
async def receive_webhook(request: Request):
    body = await request.body()
    if not is_authentic(settings["webhook_secret"], request.headers, body, time.time()):
        raise HTTPException(401, "The signature is wrong or too old.")
    events.setdefault(request.headers["webhook-id"], json.loads(body))


@app.get("/events")
async def list_events():
    return list(events.values())
