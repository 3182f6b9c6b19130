"""Drives the real Bitfount SDK, for sdk_test.go.

It reads one JSON object a line, {"do": name, ...}, and answers each with one
line: {"answer": ...} or {"error": text}, with what the SDK has printed and
logged meanwhile. Where the SDK opens a browser, a line {"opened": link} comes
first. Nothing but these lines is written to standard output.
"""

from __future__ import annotations

import importlib.util
import io
import json
import logging
import os
import sys
import types
import warnings
import webbrowser

channel = sys.stdout
sys.stdout = io.StringIO()  # the SDK prompts with print


def say(message: dict) -> None:
    channel.write(json.dumps(message) + "\n")
    channel.flush()


class Browser(webbrowser.BaseBrowser):
    """Takes the part of the browser: whoever drives opens the link."""

    def open(self, url: str, new: int = 0, autoraise: bool = True) -> bool:
        say({"opened": url})
        return True


webbrowser.register("driver", None, Browser("driver"), preferred=True)


class Log(logging.Handler):
    """Keeps what the SDK warns of."""

    lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


logging.getLogger("bitfount").addHandler(Log(logging.WARNING))

# The __init__ modules of these packages import the whole SDK, with PyTorch. They
# only re-export; the modules themselves are the SDK's own, unchanged.
warnings.simplefilter("ignore")
root = os.path.dirname(importlib.util.find_spec("bitfount").origin)
for name in ("bitfount", "bitfount.hub", "bitfount.federated"):
    package = types.ModuleType(name)
    package.__path__ = [os.path.join(root, *name.split(".")[1:])]
    sys.modules[name] = package

from bitfount.hub import authentication_flow  # noqa: E402
from bitfount.hub.authentication_flow import BitfountSession  # noqa: E402
from bitfount.hub.authentication_handlers import (  # noqa: E402
    APIKeysHandler,
    DeviceCodeFlowHandler,
)

session: BitfountSession


def services(hub: str, am: str) -> None:
    """Makes the demo's Hub and Access Manager ones that the SDK knows."""
    authentication_flow._HUB_URLS.append(hub)
    authentication_flow._AM_URLS.append(am)


def device_code(issuer: str, **settings: str) -> None:
    global session
    handler = DeviceCodeFlowHandler(**settings)
    # The SDK speaks https alone, and the demo provider has no certificate.
    handler._device_code_endpoint = issuer + "oauth/device/code"
    handler._token_endpoint = issuer + "oauth/token"
    session = BitfountSession(handler)


def documented(code: str) -> None:
    """Runs what docs/sdk.md shows, which makes a handler."""
    global session
    names: dict = {}
    exec(code, names)
    session = BitfountSession(names["handler"])


def api_keys(**keys: str) -> None:
    global session
    session = BitfountSession(APIKeysHandler(**keys))


def get(url: str) -> dict:
    response = session.get(url)
    return {"status": response.status_code, "body": response.text}


def authenticated() -> bool:
    return session.authenticated


def headers() -> dict:
    return {
        "hub": session.hub_request_headers,
        "am": session.am_request_headers,
        "message-service": dict(session.message_service_metadata),
    }


tasks = {f.__name__: f for f in (services, device_code, documented, api_keys, get, authenticated, headers)}
for line in sys.stdin:
    task = json.loads(line)
    try:
        result = {"answer": tasks[task.pop("do")](**task)}
    except Exception as e:  # the driver judges it
        result = {"error": f"{type(e).__name__}: {e}"}
    say(result | {"printed": sys.stdout.getvalue(), "warned": Log.lines})
    sys.stdout = io.StringIO()
    Log.lines = []
