"""The MobileNetV2 file that the ONNX workload runs: generated, or the user's own after checks.

The generated network has MobileNetV2's exact structure (Sandler et al. 2018, table 2, width
1.0, batch normalisation folded into the convolutions) and seeded random weights: its latency
is that of the real one, its answers mean nothing.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from google.protobuf.message import DecodeError, Message  # type: ignore[import-untyped]
from onnx import TensorProto, helper, numpy_helper

from harness.base.whole_files import write_whole

STAGES = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
"""Bottleneck stages: expansion factor, output channels, repetitions, first stride."""
STEM_CHANNELS = 32
HEAD_CHANNELS = 1280
CLASSES = 1000
TOTAL_STRIDE = 32
# Fixed, so that the bytes do not follow the installed onnx release.
OPSET = 13
IR_VERSION = 8
STANDARD_DOMAINS = ("", "ai.onnx")


class _NetworkBuilder:
    """Appends layers one after the other; ``tensor`` names the output of the last."""

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng(seed)
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[TensorProto] = []
        self.tensor = "input"
        self._constant("zero", np.array(0, dtype=np.float32))
        self._constant("six", np.array(6, dtype=np.float32))

    def _constant(self, name: str, value: np.ndarray) -> str:
        self.initializers.append(numpy_helper.from_array(value, name))
        return name

    def _weights(self, name: str, shape: tuple[int, ...], gain: float) -> list[str]:
        """Names of new weights and biases; variance gain / fan-in (He et al. 2015: gain 2)."""
        fan_in = int(np.prod(shape[1:]))
        weights = self._rng.standard_normal(shape, dtype=np.float32)
        weights *= np.float32(np.sqrt(gain / fan_in))
        biases = self._rng.uniform(-0.1, 0.1, shape[0]).astype(np.float32)
        return [self._constant(f"{name}.weight", weights), self._constant(f"{name}.bias", biases)]

    def node(self, operator: str, inputs: list[str], **attributes: Any) -> str:
        """Append a node; its output becomes the current tensor."""
        name = f"{operator.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [name], name=name, **attributes))
        self.tensor = name
        return name

    def conv(
        self,
        channels_in: int,
        channels_out: int,
        kernel: int = 1,
        stride: int = 1,
        groups: int = 1,
        *,
        relu6: bool = True,
    ) -> None:
        """Convolution that keeps the size (divided by the stride), and ReLU6 unless linear."""
        shape = (channels_out, channels_in // groups, kernel, kernel)
        names = self._weights(f"conv_{len(self.nodes)}", shape, gain=2 if relu6 else 1)
        self.node(
            "Conv",
            [self.tensor, *names],
            kernel_shape=[kernel, kernel],
            strides=[stride, stride],
            pads=[kernel // 2] * 4,
            group=groups,
        )
        if relu6:
            self.node("Clip", [self.tensor, "zero", "six"])

    def bottleneck(self, channels_in: int, channels_out: int, expansion: int, stride: int) -> None:
        """Inverted residual: expand, filter each channel, project; add where shapes agree."""
        entry, hidden = self.tensor, expansion * channels_in
        if expansion != 1:
            self.conv(channels_in, hidden)
        self.conv(hidden, hidden, kernel=3, stride=stride, groups=hidden)
        self.conv(hidden, channels_out, relu6=False)
        if stride == 1 and channels_in == channels_out:
            self.node("Add", [entry, self.tensor])

    def classifier(self, channels: int) -> None:
        """Average over the image, then one linear layer to the class scores."""
        self.node("GlobalAveragePool", [self.tensor])
        self.node("Flatten", [self.tensor], axis=1)
        names = self._weights("gemm", (CLASSES, channels), gain=1)
        self.node("Gemm", [self.tensor, *names], transB=1)


def build_mobilenet_v2(path: Path, image_size: int, seed: int) -> str:
    """Write the network for images (1, 3, image_size, image_size); returns the file's sha256.

    The same seed and size give the same bytes. The file appears whole or not at all.
    Raises ``ValueError`` for a size that is no positive multiple of 32, the total stride.
    """
    if image_size < TOTAL_STRIDE or image_size % TOTAL_STRIDE:
        raise ValueError(f"image_size {image_size} is not a positive multiple of {TOTAL_STRIDE}")
    network = _NetworkBuilder(seed)
    network.conv(3, STEM_CHANNELS, kernel=3, stride=2)
    channels = STEM_CHANNELS
    for expansion, channels_out, repetitions, first_stride in STAGES:
        for repetition in range(repetitions):
            stride = first_stride if repetition == 0 else 1
            network.bottleneck(channels, channels_out, expansion, stride)
            channels = channels_out
    network.conv(channels, HEAD_CHANNELS)
    network.classifier(HEAD_CHANNELS)

    image = helper.make_tensor_value_info(
        "input", TensorProto.FLOAT, [1, 3, image_size, image_size]
    )
    scores = helper.make_tensor_value_info(network.tensor, TensorProto.FLOAT, [1, CLASSES])
    graph = helper.make_graph(
        network.nodes, "mobilenet_v2", [image], [scores], network.initializers
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)])
    model.ir_version = IR_VERSION
    onnx.checker.check_model(model)
    content = model.SerializeToString(deterministic=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, content)
    return hashlib.sha256(content).hexdigest()


def verify_model(path: Path, sha256: str) -> None:
    """Check a user's model before it is ever run.

    Raises ``ValueError`` with the file and the reason when its hash is another than the
    stated one, when it is damaged or no ONNX model, when it reads weights from other files
    (the hash would not cover them), when it needs operators outside the ONNX standard (they
    load code), or when it does not take one float image (1, 3, height, width) of fixed size.
    """
    if not path.is_file():
        raise ValueError(f"{path}: no such model file")
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    if digest != sha256.lower():
        raise ValueError(f"{path}: sha256 is {digest}, expected {sha256}; refused")
    try:
        model = onnx.load_model_from_string(content)
        _refuse_foreign_parts(model)
        onnx.checker.check_model(model)
        _check_input(model.graph)
    except (DecodeError, onnx.checker.ValidationError) as error:
        raise ValueError(f"{path}: damaged or not an ONNX model: {error}") from error
    except ValueError as error:
        raise ValueError(f"{path}: {error}; refused") from error


def _refuse_foreign_parts(model: onnx.ModelProto) -> None:
    for part in _parts(model):
        if isinstance(part, TensorProto) and part.data_location == TensorProto.EXTERNAL:
            raise ValueError(f"tensor {part.name!r} lies in another file (external data)")
        if isinstance(part, (onnx.NodeProto, onnx.OperatorSetIdProto, onnx.FunctionProto)) and (
            part.domain not in STANDARD_DOMAINS
        ):
            raise ValueError(f"operators of the custom domain {part.domain!r}")


def _parts(message: Message) -> Iterator[Message]:
    """The message and all messages inside it, subgraphs and functions included."""
    yield message
    for field, value in message.ListFields():
        if field.message_type is not None:
            for part in [value] if isinstance(value, Message) else value:
                yield from _parts(part)


def _check_input(graph: onnx.GraphProto) -> None:
    # Old files list their weights among the inputs.
    weights = {tensor.name for tensor in graph.initializer}
    inputs = [value for value in graph.input if value.name not in weights]
    if len(inputs) != 1 or inputs[0].type.tensor_type.elem_type != TensorProto.FLOAT:
        raise ValueError(f"{len(inputs)} inputs, expected one float image")
    sizes = [d.dim_value for d in inputs[0].type.tensor_type.shape.dim]  # 0: not fixed
    if len(sizes) != 4 or sizes[0] > 1 or sizes[1] != 3 or min(sizes[2:]) < 1:
        raise ValueError(f"input of shape {sizes}, expected [1, 3, height, width]")
