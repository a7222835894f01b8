// Why a checkpoint is not opened: refusals.py's names for its sentences, and what stands in their places. The sentences are the
// page's. In CheckpointError's values `kind` is a name in KINDS, `what` one of a text of refusals.py, and `told` a list of
// [name in MISFITS, {count, keys}]; "convert" is left to the page, whose sentence tells whether it has such a place.

const SHOWN_CHARACTERS = 120; // of a stranger's name, of a file or of anything in it
const WRAPPERS = ["state_dict_ema", "state_dict", "model_state_dict", "model"]; // where published files keep their tensors

// The file is no TopFormer checkpoint.
class CheckpointError extends Error {
  constructor(reason, values) {
    super(reason);
    Object.assign(this, { reason, values });
  }
}

// A stranger's text as messages show it.
const cutIn = (text) => plainText(text, SHOWN_CHARACTERS);
