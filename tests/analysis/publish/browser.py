"""A headless browser, spoken to over its own debugging protocol; no driver is needed."""

import asyncio
import json
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from tornado.websocket import websocket_connect

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome", "chrome-headless-shell")
START_S = 60.0


def find_browser() -> str | None:
    """Path of a Chromium, or None."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def look_at(page: Path, width: int, question: str) -> dict[str, Any]:
    """Open a page at a width and evaluate ``question``, a JavaScript expression; returns its
    value, the requests that were made and what the console said. No network is reachable."""
    browser = find_browser()
    assert browser is not None
    with tempfile.TemporaryDirectory() as profile:
        command = [browser, "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run"]
        command += ["--remote-debugging-port=0", f"--user-data-dir={profile}"]
        command += ["--host-resolver-rules=MAP * ~NOTFOUND", "about:blank"]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            port = _port(Path(profile) / "DevToolsActivePort")
            return asyncio.run(_ask(port, page.resolve().as_uri(), width, question))
        finally:
            process.terminate()
            process.wait()


def _port(file: Path) -> int:
    deadline = time.monotonic() + START_S
    while not (file.exists() and file.read_text()):
        assert time.monotonic() < deadline, "the browser did not start"
        time.sleep(0.05)
    return int(file.read_text().split()[0])


async def _ask(port: int, url: str, width: int, question: str) -> dict[str, Any]:
    with urlopen(f"http://127.0.0.1:{port}/json/list") as answer:
        target = next(t for t in json.load(answer) if t["type"] == "page")
    socket = await websocket_connect(target["webSocketDebuggerUrl"], max_message_size=2**28)
    events: list[dict[str, Any]] = []
    number = 0

    async def call(method: str, **parameters: Any) -> dict[str, Any]:
        nonlocal number
        number += 1
        await socket.write_message(
            json.dumps({"id": number, "method": method, "params": parameters})
        )
        while True:
            message = json.loads(await socket.read_message() or "null")
            if message.get("id") == number:
                return dict(message.get("result", {}))
            events.append(message)

    for domain in ("Page", "Network", "Log", "Runtime"):
        await call(f"{domain}.enable")
    await call(
        "Emulation.setDeviceMetricsOverride",
        width=width,
        height=900,
        deviceScaleFactor=1,
        mobile=False,
    )
    await call("Page.navigate", url=url)
    while not any(event.get("method") == "Page.loadEventFired" for event in events):
        events.append(json.loads(await socket.read_message() or "null"))
    result = await call("Runtime.evaluate", expression=question, returnByValue=True)
    socket.close()
    requests = [
        event["params"]["request"]["url"]
        for event in events
        if event.get("method") == "Network.requestWillBeSent"
    ]
    said = [
        json.dumps(event["params"])
        for event in events
        if event.get("method") in ("Log.entryAdded", "Runtime.exceptionThrown")
    ]
    return {"value": result["result"].get("value"), "requests": requests, "console": said}
