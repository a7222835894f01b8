"""The two colour maps, and how light a colour is."""

from collections.abc import Sequence

# matplotlib's viridis and RdBu_r (van der Walt and Smith, CC0; ColorBrewer, Apache 2.0), 17 stops of each.
VIRIDIS = "440154 48186a 472d7b 424086 3b528b 33638d 2c728e 26828e 21918c 1f9f88 27ad81 3dbc74 5cc863 81d34d aadc32 d5e21a fde725"
RDBU_R = "053061 175290 2a71b2 3f8ec0 6bacd1 9bc9e0 c2ddec e0ecf3 f7f6f6 fbe6da fbceb7 f5ac8b e58368 d25849 bb2a34 960f27 67001f"


def luminance(rgb: Sequence[float]) -> float:
    """Relative luminance of an sRGB colour, 0 to 255 each (WCAG 2): above 0.179 black stands out from it more than white."""
    linear = [x / 255 / 12.92 if x <= 10 else ((x / 255 + 0.055) / 1.055) ** 2.4 for x in rgb]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
