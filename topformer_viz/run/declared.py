"""What is declared in Python and asked for by the scripts that do the same in a browser: it comes before them, as a script of its own."""

import json
from typing import Any

from topformer_viz.network.classes import CLASS_SETS
from topformer_viz.run.segmentation import SILENCED
from topformer_viz.run.stages import STAGES

DECLARED: dict[str, Any] = {
    "AXES": {stage.name: stage.axes[1:] for stage in STAGES.values()},  # without the batch
    "WALKED": [stage.name for stage in STAGES.values() if stage.walked],
    "SILENCED": SILENCED,
    "CLASS_SETS": {
        slug: {"names": [name.en for name in known.names], "colours": known.colours}
        for slug, known in CLASS_SETS.items()
    },
}
DECLARED_JS = "".join(f"const {name} = {json.dumps(value)};\n" for name, value in DECLARED.items())
