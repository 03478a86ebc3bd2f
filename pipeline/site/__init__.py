"""The site that readers see, and what is made of it."""
