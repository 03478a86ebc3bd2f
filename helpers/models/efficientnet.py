"""EfficientNet-lite0, the image tower, and the reader of its weights."""

import torch
import torch.nn.functional as F
from torch import nn

from helpers.errors import CourseError

WIDTH = 1280  # of the features before the classifier
# expansion, channels, blocks, stride of the first, kernel
STAGES = ((1, 16, 1, 1, 3), (6, 24, 2, 2, 3), (6, 40, 2, 2, 5), (6, 80, 3, 2, 3),
          (6, 112, 3, 1, 5), (6, 192, 4, 2, 5), (6, 320, 1, 1, 3))


class SameConv(nn.Conv2d):
    """A convolution padded as in TensorFlow: ⌈size / stride⌉ outputs a side."""

    def forward(self, x):
        """Map (B, C, H, W) to (B, C', ⌈H / stride⌉, ⌈W / stride⌉)."""
        (kernel, _), (stride, _) = self.kernel_size, self.stride
        pads = []
        for size in (x.shape[-1], x.shape[-2]):
            total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
            pads += [total // 2, total - total // 2]
        return super().forward(F.pad(x, pads))


def _norm(channels):
    return nn.BatchNorm2d(channels, eps=1e-3)


class Block(nn.Module):
    """An inverted bottleneck: widen, filter each channel, narrow, add."""

    def __init__(self, inside, outside, expansion, kernel, stride):
        super().__init__()
        wide = inside * expansion
        if expansion != 1:
            self._expand_conv = SameConv(inside, wide, 1, bias=False)
            self._bn0 = _norm(wide)
        self._depthwise_conv = SameConv(wide, wide, kernel, stride, groups=wide,
                                        bias=False)
        self._bn1 = _norm(wide)
        self._project_conv = SameConv(wide, outside, 1, bias=False)
        self._bn2 = _norm(outside)
        self.expands, self.skips = expansion != 1, stride == 1 and inside == outside

    def forward(self, x):
        """Map (B, C, H, W) to (B, C', H', W')."""
        y = F.relu6(self._bn0(self._expand_conv(x))) if self.expands else x
        y = F.relu6(self._bn1(self._depthwise_conv(y)))
        y = self._bn2(self._project_conv(y))
        return x + y if self.skips else y


class EfficientNetLite(nn.Module):
    """EfficientNet-lite0, with the names of its published weights.

    Images (B, 3, H, W) have grey levels from 0 to 255, less 127, over 128.
    """

    def __init__(self):
        super().__init__()
        self._conv_stem, self._bn0 = SameConv(3, 32, 3, 2, bias=False), _norm(32)
        blocks, inside = [], 32
        for expansion, outside, many, stride, kernel in STAGES:
            for number in range(many):
                blocks.append(Block(inside, outside, expansion, kernel,
                                    1 if number else stride))
                inside = outside
        self._blocks = nn.Sequential(*blocks)
        self._conv_head = SameConv(inside, WIDTH, 1, bias=False)
        self._bn1 = _norm(WIDTH)
        self._fc = nn.Linear(WIDTH, 1000)

    def features(self, images):
        """Return the features (B, 1280) that the classifier would read."""
        x = F.relu6(self._bn0(self._conv_stem(images)))
        x = F.relu6(self._bn1(self._conv_head(self._blocks(x))))
        return x.mean((-2, -1))

    def forward(self, images):
        """Return the logits (B, 1000) of the classes of ImageNet."""
        return self._fc(self.features(images))


def load_efficientnet_lite(path):
    """Return EfficientNet-lite0 with the weights of a file, in evaluation mode.

    Raises CourseError unless the file holds these weights, all and no others.
    """
    model = EfficientNetLite()
    try:
        weights = torch.load(path, map_location="cpu", weights_only=True)
        model.load_state_dict(weights)
    except Exception as error:  # torch raises many kinds for a wrong file
        raise CourseError(
            f"{path} could not be read as EfficientNet-lite0: {error}") from error
    return model.eval()
