"""How one MyST source per chapter becomes notebooks, a module and a site."""
