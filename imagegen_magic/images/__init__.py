"""Images in: bytes opened and checked, references gathered, masks built, previews and PNG files written."""
