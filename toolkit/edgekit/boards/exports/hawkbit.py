"""For Eclipse hawkBit: the requests of its Management API, a script that sends them, the board's step.

Source: hawkBit Management API v1, https://eclipse.dev/hawkbit/apis/management_api/, 2026-10.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from edgekit.boards.exports import BUNDLE, RUNNER, Export
from edgekit.core.fleet import Amount

UPLOAD = '''\
#!/usr/bin/env python3
"""Creates module, distribution set and rollout: HAWKBIT_PASSWORD=... upload.py URL USER"""
import base64, json, os, sys, urllib.request, uuid

url, user = sys.argv[1].rstrip("/") + "/rest/v1", sys.argv[2]
secret = base64.b64encode(f"{user}:{os.environ['HAWKBIT_PASSWORD']}".encode()).decode()
os.chdir(os.path.dirname(os.path.abspath(__file__)))
requests = json.load(open("requests.json", encoding="utf-8"))


def post(path, data, kind="application/json"):
    headers = {"Content-Type": kind, "Authorization": "Basic " + secret}
    body = data if isinstance(data, bytes) else json.dumps(data).encode()
    request = urllib.request.Request(url + path, body, headers, method="POST")
    with urllib.request.urlopen(request) as answer:
        return json.loads(answer.read() or b"null")


module = post("/softwaremodules", requests["softwaremodules"])[0]["id"]
for name in ("bundle.edgekit", "runner.pyz"):
    mark = uuid.uuid4().hex
    head = f'--{mark}\\r\\nContent-Disposition: form-data; name="file"; filename="{name}"\\r\\n'
    body = head.encode() + b"Content-Type: application/octet-stream\\r\\n\\r\\n"
    body += open(name, "rb").read() + f"\\r\\n--{mark}--\\r\\n".encode()
    post(f"/softwaremodules/{module}/artifacts", body, "multipart/form-data; boundary=" + mark)
requests["distributionsets"][0]["modules"] = [{"id": module}]
chosen = post("/distributionsets", requests["distributionsets"])[0]["id"]
rollout = post("/rollouts", dict(requests["rollout"], distributionSetId=chosen))
print("rollout", rollout["id"], "is ready: start it in hawkBit")
'''
INSTALL = """\
#!/bin/sh
# What the board's hawkBit client runs once both files are downloaded: install.sh FOLDER
set -eu
cd "${1:-.}"
printf '{"bundle": "bundle.edgekit"}' | python3 -I runner.pyz apply
"""


def files(export: Export) -> Mapping[str, str]:
    """``requests.json``, ``upload.py`` and ``install.sh``."""
    assert (BUNDLE, RUNNER) == ("bundle.edgekit", "runner.pyz")
    policy, total = export.policy, max(len(export.boards), 1)
    names = ",".join(board.name for board in export.boards)
    groups = max(round(total / max(policy.wave.of(total), 1)), 1)
    requests = {
        "softwaremodules": [
            {
                "name": export.app,
                "version": export.release,
                "type": "application",
                "vendor": "edgekit",
            }
        ],
        "distributionsets": [{"name": export.app, "version": export.release, "type": "app"}],
        "rollout": {
            "name": f"{export.app} {export.release}",
            "targetFilterQuery": f"id=in=({names})" if names else "id==*",
            "amountGroups": groups,
            "successCondition": {"condition": "THRESHOLD", "expression": "100"},
            "successAction": {"action": "NEXTGROUP", "expression": ""},
            "errorCondition": {
                "condition": "THRESHOLD",
                "expression": str(_percent(policy.max_fail, total)),
            },
            "errorAction": {"action": "PAUSE", "expression": ""},
        },
    }
    text = json.dumps(requests, indent=1) + "\n"
    return {"requests.json": text, "upload.py": UPLOAD, "install.sh": INSTALL}


def _percent(amount: Amount, total: int) -> int:
    return max(int(100 * amount.allowed(total) / total), 1)
