"""Small networks trained on real digits in the tool environment ``compress``, once per session."""

from __future__ import annotations

from pathlib import Path

import numpy
import pytest
from sklearn.datasets import load_digits

from model_fixtures import make

JOINED = """
import torch
from torch import nn
from torch.nn import functional as F
class Joined(nn.Module):
    '''Residual, depthwise and concatenation in one.'''
    def __init__(self):
        super().__init__()
        self.a = nn.Conv2d(1, 16, 3, padding=1, bias=False)
        self.n = nn.BatchNorm2d(16)
        self.d = nn.Conv2d(16, 16, 3, padding=1, groups=16)
        self.p = nn.Conv2d(16, 16, 1)
        self.s = nn.Conv2d(16, 8, 3, stride=2, padding=1)
        self.t = nn.Conv2d(16, 24, 3, stride=2, padding=1)
        self.l = nn.Linear(32 * 4, 32)
        self.o = nn.Linear(32, 10)
    def forward(self, x):
        x = F.relu(self.n(self.a(x)))
        x = F.relu(x + self.p(F.relu6(self.d(x))))
        x = F.relu(torch.cat([self.s(x), self.t(x)], 1))
        x = F.avg_pool2d(x, 2)
        return self.o(F.relu(self.l(x.view(x.size(0), -1))))
def build():
    torch.manual_seed(0)
    return Joined()
"""
PERCEPTRON = """
import torch
from torch import nn
def build():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 10), nn.Softmax(-1))
"""
TRAIN = """
import sys
import numpy
import torch
torch.set_num_threads(1)
torch.manual_seed(0)
folder, kind = sys.argv[1].split("::")
sys.path.insert(0, folder)
module = __import__(kind).build()
found = numpy.load(folder + "/" + kind + ".npz")
x, y = torch.from_numpy(found["x"]), torch.from_numpy(found["y"])
optimizer = torch.optim.Adam(module.parameters(), 3e-3)
for epoch in range(6 if kind == "joined" else 12):
    for rows in torch.randperm(len(x)).split(64):
        found = module(x[rows])
        logits = found.log() if kind == "perceptron" else found
        loss = torch.nn.functional.cross_entropy(logits, y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
module.eval()
torch.save(module.state_dict(), folder + "/" + kind + ".pth")
example = (x[:1],)
torch.export.save(torch.export.export(module, example), folder + "/" + kind + ".pt2")
torch.onnx.export(module, example, folder + "/" + kind + ".onnx", dynamo=False, opset_version=17, input_names=["x"], output_names=["scores"])
torch.jit.save(torch.jit.trace(module, example), folder + "/" + kind + ".pt")
"""


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``joined`` (pictures) and ``perceptron`` (rows): .pt2, .onnx, .pt, .py with .pth, and .npz."""
    folder = tmp_path_factory.mktemp("trained")
    pictures, labels = load_digits(return_X_y=True)
    rows = (pictures / 16).astype("float32")
    numpy.savez(folder / "joined.npz", x=rows.reshape(-1, 1, 8, 8), y=labels)
    numpy.savez(folder / "perceptron.npz", x=rows, y=labels)
    numpy.savez(folder / "unlabelled.npz", x=rows)
    (folder / "joined.py").write_text(JOINED)
    (folder / "perceptron.py").write_text(PERCEPTRON)
    for kind in ("joined", "perceptron"):
        make("compress", TRAIN, Path(f"{folder}::{kind}"))
    return folder
