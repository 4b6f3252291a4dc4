"""An SSH server that takes the password ``s3cret`` and runs commands: ``... HOST_KEY``."""

from __future__ import annotations

import asyncio
import json
import os
import sys

import asyncssh


class Server(asyncssh.SSHServer):  # type: ignore[misc]  # asyncssh is not typed here
    """Passwords only."""

    def begin_auth(self, username: str) -> bool:
        """Everyone has to authenticate."""
        return True

    def public_key_auth_supported(self) -> bool:
        """There are no keys."""
        return False

    def password_auth_supported(self) -> bool:
        """The one way in."""
        return True

    def validate_password(self, username: str, password: str) -> bool:
        """One password for all."""
        return password == "s3cret"


async def handle(process: asyncssh.SSHServerProcess[bytes]) -> None:
    """Runs the command."""
    child = await asyncio.create_subprocess_shell(
        process.command or "true", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    await process.redirect(stdin=child.stdin, stdout=child.stdout)
    process.exit(await child.wait())


async def serve() -> None:
    """Listens until stdin closes."""
    server = await asyncssh.listen(
        "127.0.0.1",
        0,
        server_factory=Server,
        server_host_keys=[sys.argv[1]],
        process_factory=handle,
        encoding=None,
    )
    print(json.dumps({"port": server.get_port()}), flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(serve())
    os._exit(0)
