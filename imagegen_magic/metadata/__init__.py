"""What an image file says about its origin, read and written: Content Credentials (C2PA), XMP, PNG text.

`reading` is the way in, `marking` the way out; `containers` alone knows where each file format keeps such data.
Nothing here decodes a pixel, and every byte is taken for hostile.
"""
