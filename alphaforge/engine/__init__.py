"""The engine: one block of memory, kernels that move it, shells that people hold."""
