"""Every tensor of the current run, the glossary, and whose work this rests on."""
