"""What a client of the platform does, written with the library that such clients use; says what it saw as JSON."""

import json
import os
import sys

import requests

url, firm, token, stranger = (os.environ[name] for name in ("URL", "FIRM", "TOKEN", "STRANGER"))
documents = f"{url}/api/v1/security-firms/{firm}/documents/"
seen = {}

client = requests.Session()
client.headers["Authorization"] = f"Bearer {token}"


def hand_in(name, content, document_type="tax_clearance"):
    return client.post(documents, params={"document_type": document_type}, files={"file": (name, content)})


document = sys.stdin.buffer.read()
made = [hand_in(f"{number} – lisensie ñ.pdf", document) for number in range(5)]
seen["made"] = [answer.status_code for answer in made]
seen["redirected"] = any(answer.history for answer in made)
seen["name"] = made[0].json()["file_name"]
first = made[0].json()
seen["fields of the platform"] = {
    name: type(first[name]).__name__
    for name in ("id", "document_type", "file_name", "file_size", "uploaded_at", "is_verified")
}

# A list is an array; its pages are named by the header Link, relative to the address that was asked.
pages, address, params = [], documents, {"limit": 2, "document_type": "tax_clearance"}
while address:
    page = client.get(address, params=params)
    pages.append([each["id"] for each in page.json()])
    following = page.links.get("next", {}).get("url")
    address, params = following and requests.compat.urljoin(page.url, following), None
seen["pages"] = [len(page) for page in pages]
seen["newest first"] = [identity for page in pages for identity in page] == [
    answer.json()["id"] for answer in reversed(made)
]

one = client.get(f"{documents}{first['id']}/")
seen["one"] = [one.status_code, one.json() == first, "ETag" in one.headers]
file = client.get(f"{documents}{first['id']}/download/")
seen["file"] = [file.status_code, file.content == document, [each.status_code for each in file.history]]
link = client.get(f"{documents}{first['id']}/download", headers={"Accept": "application/json"}).json()
linked = requests.get(requests.compat.urljoin(url, link["url"]))
seen["link"] = [sorted(link), linked.status_code, linked.content == document]


def refusal(answer):
    body = answer.json()
    return [
        answer.status_code,
        body["error_code"],
        body["message"] == body["detail"] and isinstance(body["detail"], str),
        body["request_id"] == answer.headers["X-Request-Id"],
    ]


other = requests.get(documents, headers={"Authorization": f"Bearer {stranger}"})
seen["refusals"] = [
    refusal(requests.get(documents)),
    refusal(other),
    refusal(client.get(f"{documents}00000000-0000-4000-8000-000000000000/")),
    refusal(client.post(documents, files={"file": ("a.pdf", document)})),
    refusal(hand_in("a.pdf", b"no document")),
    refusal(hand_in("a.pdf", b"")),
    refusal(client.patch(documents)),
]

# Many clients say of every request that it is JSON, also of one without a body.
in_json = requests.Session()
in_json.headers.update({"Authorization": f"Bearer {token}", "Content-Type": "application/json"})
members = f"{url}/api/v1/security-firms/{firm}/members/"
invited = in_json.post(members, json={"email": os.environ["EMAIL"], "role": "firm_user"})
colleague = {"Authorization": f"Bearer {os.environ['COLLEAGUE']}", "Content-Type": "application/json"}
own = requests.get(f"{url}/api/v1/auth/me/", headers=colleague).json()
invitation = f"{url}/api/v1/auth/me/invitations/{own['invitations'][0]['id']}/accept/"
accepted = requests.post(invitation, headers=colleague)
listed = in_json.get(members)
removed = in_json.delete(f"{members}{own['id']}/")
seen["members"] = [invited.status_code, accepted.status_code, len(listed.json()), removed.status_code, removed.text]
seen["unknown address"] = refusal(in_json.delete(f"{url}/api/v1/nowhere/"))
seen["empty body"] = refusal(in_json.post(members))


def in_pieces():
    """As a file that is sent on while it is read: its length is not known beforehand."""
    head = '--x\r\nContent-Disposition: form-data; name="file"; filename="pieces.pdf"\r\n\r\n'
    yield head.encode()
    yield document
    yield b"\r\n--x--\r\n"


piecewise = client.post(
    documents,
    params={"document_type": "tax_clearance"},
    data=in_pieces(),
    headers={"Content-Type": "multipart/form-data; boundary=x"},
)
seen["in pieces"] = [piecewise.status_code, piecewise.json()["file_name"]]

json.dump(seen, sys.stdout)
