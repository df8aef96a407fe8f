"""Writes small checkpoints as torch.save leaves them, and the values of their tensors.

Run:   OMP_NUM_THREADS=1 python scripts/goldens/makePytorchFiles.py src/checkpoint/fixtures/pytorch
Needs: pip install torch safetensors (the files were written with torch 2.15.0 and safetensors 0.8.0, on Python 3.11)
Writes tensors-zip.bin and tensors-stream.bin (one state dict in both formats) with their values in tensors.safetensors, the
same for many (enough tensors for long memo indices) and small (few enough to damage every byte), and checkpoints to be
refused: refused-*.bin. None of them is loaded here but by torch's own reader of plain data. Seconds on a CPU.
"""
import os
import sys
from collections import OrderedDict
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch.serialization import set_crc32_options

folder = Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
torch.manual_seed(20161209)


def save(name: str, value: object, stream: bool) -> None:
    # A file object, so that the folder in the archive is "archive" whatever the file's name.
    with open(folder / name, "wb") as file:
        torch.save(value, file, _use_new_zipfile_serialization=not stream)


def save_both(name: str, state: dict[str, torch.Tensor]) -> None:
    save(f"{name}-zip.bin", state, stream=False)
    save(f"{name}-stream.bin", state, stream=True)
    values = {key: tensor.detach().clone(memory_format=torch.contiguous_format) for key, tensor in state.items()}
    save_file(values, folder / f"{name}.safetensors")
    for form in ["zip", "stream"]:
        loaded = torch.load(folder / f"{name}-{form}.bin", weights_only=True)
        torch.testing.assert_close(dict(loaded), values, rtol=0, atol=0, equal_nan=True)


class Layer(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.dense = torch.nn.Linear(5, 3)
        self.norm = torch.nn.BatchNorm1d(3)
        self.register_buffer("position_ids", torch.arange(7).expand((1, -1)))


state = Layer().state_dict()  # an OrderedDict with _metadata
matrix = torch.randn(4, 6)
state["float16"] = torch.randn(3, 2).half()
state["bfloat16"] = torch.randn(2, 3).bfloat16()
state["float64"] = torch.randn(2, 2, dtype=torch.float64)
state["int64"] = torch.tensor([[-(2**62), 2**53 + 1], [0, -1]])
state["int32"] = torch.tensor([-(2**31), 7], dtype=torch.int32)
state["int16"] = torch.tensor([-32768, 300], dtype=torch.int16)
state["int8"] = torch.tensor([-128, 127, 0], dtype=torch.int8)
state["uint8"] = torch.tensor([255, 1], dtype=torch.uint8)
state["bool"] = torch.tensor([True, False, True])
state["tied"] = matrix
state["tied.again"] = matrix
state["transposed"] = matrix.t()
state["column"] = matrix[:, 2]
state["rows.from.offset"] = matrix[1:3]
state["every.other"] = matrix[::2, 1::3]
state["transposed.bfloat16"] = torch.randn(2, 3, 4).bfloat16().permute(2, 0, 1)
state["transposed.int64"] = torch.arange(6).reshape(2, 3).t()
state["transposed.uint8"] = torch.arange(6, dtype=torch.uint8).reshape(2, 3).t()
state["expanded"] = torch.tensor([[1.5], [2.5]]).expand(2, 3)
state["parameter"] = torch.nn.Parameter(torch.randn(2, 3))
state["frozen.parameter"] = torch.nn.Parameter(torch.randn(3), requires_grad=False)
state["scalar"] = torch.tensor(3.25)
state["empty"] = torch.zeros(0, 4)
state["special"] = torch.tensor([float("nan"), float("inf"), -float("inf"), -0.0, 1e-45])
state["__proto__"] = torch.tensor([1.0])
state["größe.名前"] = torch.tensor([2.0])
save_both("tensors", state)

save_both("many", {f"layer.{i}.weight": torch.full((300,) if i == 0 else (i % 5,), i, dtype=torch.float32) for i in range(60)})

small = torch.randn(2, 3)
save_both("small", {"weight": small, "tied": small.t(), "half": torch.randn(3).bfloat16()})

set_crc32_options(False)
save("without-checksums-zip.bin", {"weight": torch.arange(6.0).reshape(2, 3)}, stream=False)
set_crc32_options(True)

save("refused-nested.bin", {"model": state, "epoch": 3}, stream=False)
save("refused-list.bin", [torch.ones(2), torch.zeros(1)], stream=True)
save("refused-tensor.bin", torch.ones(2), stream=False)
save("refused-negative-view.bin", {"weight": torch._neg_view(torch.ones(2))}, stream=False)
save("refused-uint16.bin", {"weight": torch.tensor([1, 2]).to(torch.uint16)}, stream=False)
save("refused-complex.bin", {"weight": torch.tensor([1j, 2])}, stream=False)
save("refused-sparse.bin", {"weight": torch.eye(2).to_sparse()}, stream=False)
save("refused-quantized.bin", {"weight": torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.qint8)}, stream=False)
# The stream would also hold the path and the text of the class's source.
save("refused-module.bin", torch.nn.Linear(2, 1), stream=False)
save("refused-dtype.bin", OrderedDict(weight=torch.ones(1), dtype=torch.float32), stream=True)
with open(folder / "refused-protocol.bin", "wb") as file:
    torch.save({"weight": torch.ones(1)}, file, pickle_protocol=4)


class Call:
    """Unpickling would call the function."""

    def __init__(self, function: object, *parameters: object) -> None:
        self.call = (function, parameters)

    def __reduce__(self) -> object:
        return self.call


for form in ["zip", "stream"]:
    save(f"refused-system-{form}.bin", {"weight": torch.ones(1), "extra": Call(os.system, "touch executed")}, stream=form == "stream")
    save(f"refused-eval-{form}.bin", OrderedDict(weight=Call(eval, "1 + 1")), stream=form == "stream")
