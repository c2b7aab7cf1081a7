"""Storage of custom voices: database and recordings. Importing the package alone loads neither."""

MARK = "library"
"""key of the blob that says to which database the recordings belong"""
