"""What one chapter alone imports: helpers.chapters.NAME belongs to chapter NAME."""
