"""Expectations of an image, checked by program: a picture and expectations in, verdicts out.

`expectations` reads what is expected, `measures` measure (arrays in, a number out), `verdicts` compare and show themselves,
`running` brings them together. Nothing here sends, saves or loses a picture.
"""
