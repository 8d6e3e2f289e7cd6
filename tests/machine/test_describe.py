"""What is written down about the machine that was measured on."""

import json
import os

from harness.machine.describe import describe_machine


def test_description_leaves_out_where_interpreters_lie() -> None:
    interpreters = {
        "cpython-3.12": {
            "executable": "/home/somebody/python3.12",
            "python": "/home/somebody/envs/bin/python",
            "version": "3.12.1",
            "config_args": "'--prefix=/home/somebody' '--enable-shared' '--with-lto=full'",
        }
    }
    description = describe_machine(interpreters)
    assert description["interpreters"] == {
        "cpython-3.12": {"version": "3.12.1", "config_args": "--enable-shared --with-lto=full"}
    }
    assert "somebody" not in json.dumps(description)
    assert description["cpus_usable"] == sorted(os.sched_getaffinity(0))
    assert "python_executable" not in description["pyperf"]
