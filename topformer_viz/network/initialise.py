"""Networks to begin with: drawn anew as the authors do, with one image's statistics, or ready to be trained."""

import copy
import math
from typing import Any

import torch
from torch import Tensor, nn

from topformer_viz.network.colour import Model
from topformer_viz.network.model import KEY_DIM, Attention, TopFormer
from topformer_viz.network.pauses import pause


@torch.inference_mode(False)
@torch.no_grad()
def reinitialised(model: TopFormer, seed: int = 0) -> TopFormer:
    """A copy of ``model`` in eval mode with parameters drawn anew by ``seed``, as at the start of the authors' training.

    The backbone goes through ``init_weights`` of the authors' topformer.py: each convolution is drawn from
    N(0, 2 / fan_out), fan_out = k * k * out channels // groups, biases become 0, and each BatchNorm2d's weight 1 and
    bias 0, the projection's too, whose 0 is thereby lost. The head is not theirs to initialise: mmseg draws conv_seg
    from N(0, 0.01 squared), bias 0, and mmcv linear_fuse from N(0, 2 / (k * k * out channels)), whatever its groups.
    Running means and variances are a fresh network's, 0 and 1.
    """
    model = copy.deepcopy(model).eval()
    random = torch.Generator().manual_seed(seed)
    heads: dict[nn.Module, float] = {}
    if model.classes is not None:
        fuse = model.decode_head.linear_fuse.conv
        heads = {model.decode_head.conv_seg: 0.01, fuse: math.sqrt(2 / fuse.out_channels)}
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            fan_out = math.prod(module.kernel_size) * module.out_channels // module.groups
            module.weight.normal_(0, heads.get(module, math.sqrt(2 / fan_out)), generator=random)
            if module.bias is not None:
                module.bias.zero_()
        elif isinstance(module, nn.BatchNorm2d):
            module.reset_parameters()  # weight 1, bias 0, and the statistics
    return model


@torch.inference_mode(False)
@torch.no_grad()
def with_batch_statistics(model: Model, image: Tensor) -> Model:
    """A copy of ``model`` whose BatchNorms hold the statistics of this one image (1, 3, H, W).

    In eval mode the copy computes what ``model`` would in training mode on this image alone: each BatchNorm
    normalises by the mean and the biased variance of its own input. A channel that is constant over the image,
    up to rounding, has no standard deviation to divide by: its variance stays 1, or rounding errors would be blown up.
    """
    model = copy.deepcopy(model).eval()

    def measure(norm: Any, inputs: tuple[Tensor, ...]) -> None:
        pause()
        # In two steps: var_mean goes through the channels one by one, seven times as slowly.
        mean = inputs[0].mean((0, 2, 3))
        variance = (inputs[0] - mean[:, None, None]).square_().mean((0, 2, 3))
        constant = variance <= 1e-10 * (1 + mean.square())
        variance = torch.where(constant, 1.0, variance)
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(variance)

    hooks = [m.register_forward_pre_hook(measure) for m in model.modules() if isinstance(m, nn.BatchNorm2d)]
    model(image.to(next(model.parameters()).device))
    for hook in hooks:
        hook.remove()
    return model


def begin(classes: int, seed: int) -> TopFormer:
    """A tiny network to train.

    As PyTorch builds it (the output projection's BatchNorm gain is 0, so that attention joins in gently), but the gains of
    to_q's and to_k's BatchNorm begin at key_dim ** -0.25 each: together that is the 1 / sqrt(key_dim) by which TopFormer
    does not multiply its scores. Rows start out flat, and stay readable.
    """
    torch.manual_seed(seed)
    model = TopFormer("tiny", classes)
    for module in model.modules():
        if isinstance(module, Attention):
            for layer in (module.to_q, module.to_k):
                nn.init.constant_(layer.bn.weight, KEY_DIM**-0.25)
    return model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
