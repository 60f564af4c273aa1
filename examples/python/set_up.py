"""Registers a person, a firm, an API key and a webhook, and writes settings.json for app.py."""

import json
import os
import secrets

import httpx

service = os.environ.get("PANIQ_URL", "http://127.0.0.1:8000")
app = os.environ.get("APP_URL", "http://127.0.0.1:9000")
number = secrets.token_hex(6)


def call(method: str, path: str, token: str | None = None, **more):
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    answer = httpx.request(method, f"{service}/api/v1{path}", headers=headers, timeout=60, **more)
    if answer.is_error:
        problem = answer.json()
        raise SystemExit(f"{method} {path}: {problem['status']} {problem['code']}: {problem['detail']}")
    return answer.json()


person = {
    "email": f"client-{number}@example.com",
    "password": secrets.token_urlsafe(24),
    "first_name": "Thandi",
    "last_name": "Nkosi",
}
token = call("POST", "/auth/register", json=person)["access_token"]
firm = {
    "name": "Umkhonto Guarding",
    "registration_number": number,
    "email": "office@umkhonto.example",
    "phone": "+27 11 555 0100",
    "address": "1 Long Street, Johannesburg",
    "province": "Gauteng",
}
firm_id = call("POST", "/security-firms/register", token, json=firm)["id"]
# A program uses a key, which can do no more than its scopes say, and never a password.
key = {"name": "FastAPI example", "scopes": ["documents:read", "documents:write"], "firm_id": firm_id}
api_key = call("POST", "/api-keys", token, json=key)["key"]

# Only an administrator of the platform may register a webhook.
login = {"email": os.environ["ADMIN_EMAIL"], "password": os.environ["ADMIN_PASSWORD"]}
administrator = call("POST", "/auth/login", json=login)["access_token"]
webhook = {"url": f"{app}/webhooks", "events": ["document.uploaded"], "firm_id": firm_id}
webhook_secret = call("POST", "/webhooks", administrator, json=webhook)["secret"]

settings = {"service": service, "firm_id": firm_id, "api_key": api_key, "webhook_secret": webhook_secret}
# The file has two secrets: only its user may read it, also where it exists.
descriptor = os.open("settings.json", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
os.fchmod(descriptor, 0o600)
with os.fdopen(descriptor, "w") as file:
    json.dump(settings, file)
print(f"settings.json is written, for the firm {firm_id}.")
