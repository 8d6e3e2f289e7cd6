"""Runs notebooks without a browser and writes each as a page that needs no network.

The kernel is this very Python, whatever kernels are installed on the machine, and none of
the user's settings for it apply.
"""

import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nbformat
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from jupyter_core.utils import run_sync
from markupsafe import Markup
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbconvert import HTMLExporter

from harness.analysis.publish.report.render import render
from harness.base.whole_files import write_whole

ROOT = Path(__file__).resolve().parents[4]
RESULTS_VARIABLE = "HARNESS_RESULTS"
CELL_TIMEOUT_S = 300


class NotebookError(Exception):
    """A notebook's cell raised; the message names both."""


class _ThisPython(KernelSpecManager):
    """One kernel: the interpreter that runs this."""

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        return KernelSpec(argv=command, display_name="Python 3", language="python")


def execute(notebook: Path, results: Path) -> nbformat.NotebookNode:
    """The notebook with its outputs, run on a results folder; raises ``NotebookError``."""
    content: nbformat.NotebookNode = nbformat.reads(  # type: ignore[no-untyped-call]
        notebook.read_text(encoding="utf-8"), as_version=4
    )
    with tempfile.TemporaryDirectory(prefix="notebook-") as private:
        manager = AsyncKernelManager(
            kernel_spec_manager=_ThisPython(),
            connection_file=str(Path(private) / "kernel.json"),
            # Sockets in the private folder: nothing listens on the network.
            transport="ipc",
            ip=str(Path(private) / "kernel"),
        )
        client = NotebookClient(content, km=manager, timeout=CELL_TIMEOUT_S)
        try:
            client.execute(cwd=str(Path.cwd()), env=_environment(results, private))
        except CellExecutionError as error:
            raise NotebookError(f"{notebook.name}: {error.ename}: {error.evalue}") from None
        finally:  # the client ends only kernels that it made itself
            if manager.has_kernel:
                run_sync(manager.shutdown_kernel)(now=True)
    return content


def _environment(results: Path, private: str) -> dict[str, str]:
    path = os.pathsep.join(part for part in (str(ROOT), os.environ.get("PYTHONPATH")) if part)
    return {
        **os.environ,
        RESULTS_VARIABLE: str(results),
        "PYTHONPATH": path,
        "IPYTHONDIR": private,
        "JUPYTER_CONFIG_DIR": private,
        "JUPYTER_NO_CONFIG": "1",
    }


def page(content: nbformat.NotebookNode, name: str) -> str:
    """An executed notebook as one HTML page.

    Nbconvert leaves markup in outputs as it is: they come from ``show``, which escapes every
    text, and the page's policy lets no script run.
    """
    exporter: Any = HTMLExporter(  # type: ignore[no-untyped-call]
        template_name="basic",
        exclude_input_prompt=True,
        exclude_output_prompt=True,
    )
    body, _ = exporter.from_notebook_node(content)
    return render("notebook.html.j2", name=name, body=Markup(body))


def write_pages(notebooks: Sequence[Path], results: Path, out: Path) -> list[str]:
    """Run every notebook and write NAME.html; returns the errors of those that failed."""
    out.mkdir(parents=True, exist_ok=True)
    errors = []
    for notebook in notebooks:
        try:
            content = execute(notebook, results)
        except NotebookError as error:
            errors.append(str(error))
            continue
        write_whole(out / f"{notebook.stem}.html", page(content, notebook.stem))
    return errors
