"""Read and check what an author writes: chapters, cells, labels and MyST."""
