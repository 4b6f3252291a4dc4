"""The cloud side: the Open Inference Protocol server and client."""
