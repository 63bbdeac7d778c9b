"""Sheets of figures to frames, animations, atlases and icons: arrays in, arrays out; `sheet` holds the public calls over it."""
