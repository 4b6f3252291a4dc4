"""Who may sign releases for this board: SSHSIG by the board's own ssh-keygen."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
from typing import Any, Callable, Dict, List

from . import durable, wire
from .failure import Failure
from .layout import Home

Emit = Callable[..., None]
KEY = re.compile(r"(ssh-ed25519|ecdsa-sha2-nistp(256|384|521)|sk-[a-z0-9@.-]+) [A-Za-z0-9+/=]+\Z")
VERIFY_TIMEOUT_S = 60


def enrol(request: Dict[str, Any], emit: Emit) -> None:  # Any: JSON
    """Adds or replaces the keys whose signatures this board accepts; none ends the enrolment."""
    home = Home()
    wanted = [str(key) for key in request["keys"]]
    for key in wanted:
        if not KEY.match(key):
            raise Failure(wire.ERROR_BAD_REQUEST, "not a public key: %r" % key[:80])
    durable.make_folder(home.trust)
    keys = wanted if request.get("replace") else sorted({*enrolled_keys(home), *wanted})
    if "profile" in request:
        text = json.dumps({"profile": str(request["profile"])[:200]})
        durable.write_file(os.path.join(home.trust, wire.IDENTITY_FILE), text.encode())
    if keys:
        lines = ['%s namespaces="%s" %s\n' % (wire.SIGNER, wire.NAMESPACE, key) for key in keys]
        durable.write_file(signers_path(home), "".join(lines).encode())
    elif os.path.exists(signers_path(home)):
        os.unlink(signers_path(home))
        durable.sync_folder(home.trust)
    emit("enrolled", keys=keys, profile=enrolled_profile(home))


def signers_path(home: Home) -> str:
    """The trust anchor, a file that ssh-keygen reads."""
    return os.path.join(home.trust, wire.SIGNERS_FILE)


def enrolled_keys(home: Home) -> List[str]:
    """Public keys whose signatures count; empty when the board takes unsigned releases."""
    try:
        with open(signers_path(home), encoding="ascii") as stream:
            lines = stream.read().splitlines()
    except FileNotFoundError:
        return []
    return [line.split(" ", 2)[2] for line in lines if line.count(" ") >= 2]


def enrolled_profile(home: Home) -> str:
    """The hardware that this board was enrolled as; empty takes any."""
    try:
        with open(os.path.join(home.trust, wire.IDENTITY_FILE), encoding="utf-8") as stream:
            return str(json.load(stream)["profile"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def verify(home: Home, text: str, signature: str) -> None:
    """Checks who signed a manifest, when this board has enrolled anyone.

    Raises:
        Failure: it is unsigned, signed by another key or for another purpose, or changed since.
    """
    signers = signers_path(home)
    if not os.path.exists(signers):
        return
    if not signature:
        text = "this board takes signed releases only, and this one is not signed"
        raise Failure(wire.ERROR_SIGNATURE, text, "sign it: edgekit keys show")
    with tempfile.NamedTemporaryFile("w", suffix=".sig", encoding="utf-8") as stream:
        stream.write(signature)
        stream.flush()
        command = ["ssh-keygen", "-Y", "verify", "-f", signers, "-I", wire.SIGNER]
        command += ["-n", wire.NAMESPACE, "-s", stream.name]
        try:
            done = subprocess.run(
                command,
                input=text.encode(),
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=VERIFY_TIMEOUT_S,
                check=False,
            )
        except FileNotFoundError as error:
            text = "this board has no ssh-keygen to verify signatures with"
            hint = "on the board: sudo apt install openssh-client"
            raise Failure(wire.ERROR_SIGNATURE, text, hint) from error
        except subprocess.TimeoutExpired as error:
            raise Failure(wire.ERROR_SIGNATURE, "ssh-keygen does not end") from error
    if done.returncode != 0:
        words = done.stdout.decode("utf-8", "replace").strip().splitlines() or ["no reason given"]
        text = "the signature is not one that this board accepts: %s" % words[-1][:300]
        hint = "was it signed by the key that was enrolled? see: edgekit keys show"
        raise Failure(wire.ERROR_SIGNATURE, text, hint)
