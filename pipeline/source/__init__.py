"""What an author writes: chapters, their cells, labels and MyST, read and checked."""
