"""The generated MobileNetV2 and the checks on a user's own model file."""

import collections
import hashlib
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper

from harness.design.mobilenet import build_mobilenet_v2, verify_model

SIZE = 64


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    path = tmp_path_factory.mktemp("model") / "generated.onnx"
    return path, build_mobilenet_v2(path, SIZE, seed=0)


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _save(path: Path, model: onnx.ModelProto) -> str:
    path.write_bytes(model.SerializeToString())
    return _sha256(path)


def _tiny_model(domain: str = "", shape: tuple[int, ...] = (1, 3, SIZE, SIZE)) -> onnx.ModelProto:
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, shape)
    output = helper.make_tensor_value_info("output", TensorProto.FLOAT, shape)
    node = helper.make_node("Relu", ["image"], ["output"], domain=domain)
    graph = helper.make_graph([node], "tiny", [image], [output])
    opsets = [helper.make_opsetid("", 13)]
    if domain:
        opsets.append(helper.make_opsetid(domain, 1))
    return helper.make_model(graph, opset_imports=opsets)


def test_structure_is_that_of_mobilenet_v2(generated: tuple[Path, str]) -> None:
    graph = onnx.load(generated[0]).graph
    assert collections.Counter(node.op_type for node in graph.node) == {
        "Conv": 52,
        "Clip": 35,
        "Add": 10,
        "GlobalAveragePool": 1,
        "Flatten": 1,
        "Gemm": 1,
    }
    parameters = sum(int(np.prod(tensor.dims)) for tensor in graph.initializer if tensor.dims)
    assert parameters == 3_487_816


def test_same_seed_same_bytes_another_seed_others(
    generated: tuple[Path, str], tmp_path: Path
) -> None:
    path, sha256 = generated
    assert build_mobilenet_v2(tmp_path / "again.onnx", SIZE, seed=0) == sha256 == _sha256(path)
    assert (tmp_path / "again.onnx").read_bytes() == path.read_bytes()
    assert build_mobilenet_v2(tmp_path / "other.onnx", SIZE, seed=1) != sha256


def test_build_leaves_nothing_but_the_file(tmp_path: Path) -> None:
    build_mobilenet_v2(tmp_path / "new" / "model.onnx", SIZE, seed=0)
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["model.onnx"]


@pytest.mark.parametrize("image_size", [0, -32, 100])
def test_build_refuses_sizes_the_strides_do_not_divide(tmp_path: Path, image_size: int) -> None:
    with pytest.raises(ValueError, match="multiple of 32"):
        build_mobilenet_v2(tmp_path / "model.onnx", image_size, seed=0)
    assert not list(tmp_path.iterdir())


def test_runs_and_gives_finite_varied_repeatable_scores(generated: tuple[Path, str]) -> None:
    session = ort.InferenceSession(generated[0], providers=["CPUExecutionProvider"])
    image = np.random.default_rng(0).standard_normal((1, 3, SIZE, SIZE), dtype=np.float32)
    (scores,) = session.run(None, {"input": image})
    (again,) = session.run(None, {"input": image})
    assert scores.shape == (1, 1000)
    assert np.isfinite(scores).all()
    assert 0.1 < scores.std() < 100
    np.testing.assert_array_equal(scores, again)


def test_accepts_the_generated_file(generated: tuple[Path, str]) -> None:
    verify_model(*generated)
    verify_model(generated[0], generated[1].upper())


def test_accepts_a_symbolic_batch_size(tmp_path: Path) -> None:
    model = _tiny_model()
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_param = "batch"
    verify_model(tmp_path / "m.onnx", _save(tmp_path / "m.onnx", model))


def test_refuses_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no such model file"):
        verify_model(tmp_path / "absent.onnx", 64 * "0")


def test_refuses_another_hash(generated: tuple[Path, str]) -> None:
    with pytest.raises(ValueError, match="sha256 is"):
        verify_model(generated[0], 64 * "0")


@pytest.mark.parametrize("kept_bytes", [0, 10, 100_000])
def test_refuses_a_truncated_file_whose_hash_was_taken_late(
    generated: tuple[Path, str], tmp_path: Path, kept_bytes: int
) -> None:
    path = tmp_path / "short.onnx"
    path.write_bytes(generated[0].read_bytes()[:kept_bytes])
    with pytest.raises(ValueError, match=r"short\.onnx"):
        verify_model(path, _sha256(path))


def test_refuses_what_is_no_onnx_model(tmp_path: Path) -> None:
    path = tmp_path / "page.onnx"
    path.write_text("<html>not found</html>")
    with pytest.raises(ValueError, match="not an ONNX model"):
        verify_model(path, _sha256(path))


def test_refuses_external_data(generated: tuple[Path, str], tmp_path: Path) -> None:
    model = onnx.load(generated[0])
    tensor = model.graph.initializer[-1]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "../weights.bin"
    path = tmp_path / "external.onnx"
    with pytest.raises(ValueError, match="another file"):
        verify_model(path, _save(path, model))


def test_refuses_operators_of_a_custom_domain(tmp_path: Path) -> None:
    path = tmp_path / "custom.onnx"
    with pytest.raises(ValueError, match=r"custom domain 'com\.example'"):
        verify_model(path, _save(path, _tiny_model(domain="com.example")))


def test_refuses_custom_operators_hidden_in_a_subgraph(tmp_path: Path) -> None:
    hidden = _tiny_model(domain="com.example").graph
    model = _tiny_model()
    model.graph.node[0].attribute.append(helper.make_attribute("then_branch", hidden))
    path = tmp_path / "hidden.onnx"
    with pytest.raises(ValueError, match="custom domain"):
        verify_model(path, _save(path, model))


@pytest.mark.parametrize("shape", [(1, 1, SIZE, SIZE), (2, 3, SIZE, SIZE), (1, 3)])
def test_refuses_inputs_that_are_no_image(tmp_path: Path, shape: tuple[int, ...]) -> None:
    path = tmp_path / "input.onnx"
    with pytest.raises(ValueError, match="expected"):
        verify_model(path, _save(path, _tiny_model(shape=shape)))
