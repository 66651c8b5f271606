"""The world, in the shapes that the use cases need: a file per outside part.

Every port says what it promises about durability, repeats and time.
"""
