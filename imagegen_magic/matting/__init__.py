"""The cut-out engine: arrays in, arrays out. `imagegen_magic.cutouts` is the call over it."""
