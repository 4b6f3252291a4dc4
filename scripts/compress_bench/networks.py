"""A residual network, one of inverted residuals as in MobileNetV2, and a perceptron."""

from __future__ import annotations

from typing import Any

from torch import nn


class Residual(nn.Module):  # type: ignore[misc]  # torch is not typed here
    """Two convolutions beside a shortcut. Source: He et al., https://arxiv.org/abs/1512.03385."""

    def __init__(self, inside: int, out: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(inside, out, 3, stride, 1, bias=False),
            nn.BatchNorm2d(out),
            nn.ReLU(),
            nn.Conv2d(out, out, 3, 1, 1, bias=False),
            nn.BatchNorm2d(out),
        )
        same = inside == out and stride == 1
        self.shortcut = nn.Identity() if same else nn.Conv2d(inside, out, 1, stride)
        self.last = nn.ReLU()

    def forward(self, x: Any) -> Any:  # Any: tensors
        """[n, inside, h, w] to [n, out, h / stride, w / stride]."""
        return self.last(self.body(x) + self.shortcut(x))


class Inverted(nn.Module):  # type: ignore[misc]  # likewise
    """Wide depthwise between narrow ends. Source: Sandler et al., https://arxiv.org/abs/1801.04381."""

    def __init__(self, inside: int, out: int, stride: int) -> None:
        super().__init__()
        wide = inside * 4
        self.body = nn.Sequential(
            nn.Conv2d(inside, wide, 1, bias=False),
            nn.BatchNorm2d(wide),
            nn.ReLU6(),
            nn.Conv2d(wide, wide, 3, stride, 1, groups=wide, bias=False),
            nn.BatchNorm2d(wide),
            nn.ReLU6(),
            nn.Conv2d(wide, out, 1, bias=False),
            nn.BatchNorm2d(out),
        )
        self.has_shortcut = inside == out and stride == 1

    def forward(self, x: Any) -> Any:  # Any: tensors
        """[n, inside, h, w] to [n, out, h / stride, w / stride]."""
        return x + self.body(x) if self.has_shortcut else self.body(x)


def _stem(width: int, activation: Any) -> list[Any]:
    return [nn.Conv2d(1, width, 3, 2, 1, bias=False), nn.BatchNorm2d(width), activation]


def _scores(width: int) -> list[Any]:
    return [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, 10)]


def residual() -> Any:
    """About 10 M multiply-accumulates, 0.3 M parameters."""
    body = [Residual(32, 32, 1), Residual(32, 64, 2), Residual(64, 128, 2)]
    return nn.Sequential(*_stem(32, nn.ReLU()), *body, *_scores(128))


def mobile() -> Any:
    """About 12 M multiply-accumulates, 0.2 M parameters."""
    body = [Inverted(32, 32, 1), Inverted(32, 64, 2), Inverted(64, 64, 1)]
    body += [Inverted(64, 96, 1), Inverted(96, 96, 1)]
    last = [nn.Conv2d(96, 256, 1, bias=False), nn.BatchNorm2d(256), nn.ReLU6()]
    return nn.Sequential(*_stem(32, nn.ReLU6()), *body, *last, *_scores(256))


def tabular() -> Any:
    """A perceptron for 30 numbers and 2 classes, 0.28 M multiply-accumulates."""
    first = [nn.Linear(30, 512), nn.ReLU(), nn.Dropout(0.3), nn.Linear(512, 512), nn.ReLU()]
    return nn.Sequential(*first, nn.Dropout(0.3), nn.Linear(512, 2))


NETWORKS = {"residual": residual, "mobile": mobile, "tabular": tabular}
