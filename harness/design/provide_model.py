"""The network file of a workload: generated from its seed, or the user's own after checks."""

from pathlib import Path

from harness.base.errors import ConfigError
from harness.design.mobilenet import build_mobilenet_v2, verify_model
from harness.design.workloads import Model


def provide_model(wanted: Model, folder: Path) -> dict[str, str]:
    """Parameters ``model_path`` and ``model_sha256`` for the workload's ``setup``.

    ``wanted`` is the ``model`` entry of workloads.yaml. Raises ``ConfigError`` when the
    user's own file is missing, altered or not a plain network.
    """
    if wanted.path is None:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"mobilenetv2-{wanted.image_size}-seed{wanted.seed}.onnx"
        digest = build_mobilenet_v2(path, wanted.image_size, wanted.seed)
        return {"model_path": str(path.resolve()), "model_sha256": digest}
    path = Path(wanted.path).expanduser()
    if wanted.sha256 is None:
        raise ConfigError(f"workloads.yaml: model.sha256 is needed to trust {path}")
    try:
        verify_model(path, wanted.sha256)
    except (OSError, ValueError) as error:
        raise ConfigError(f"workloads.yaml: model: {error}") from None
    return {"model_path": str(path.resolve()), "model_sha256": wanted.sha256}
