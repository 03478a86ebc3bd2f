"""The solved functions and classes of each chapter, derived."""
