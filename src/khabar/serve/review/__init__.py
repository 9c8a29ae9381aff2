"""Corrections: what people said about the units of an article, kept row by row, and what follows from it."""
