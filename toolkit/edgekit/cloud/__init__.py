"""The cloud side: networks, the shaping link, the Open Inference Protocol server and client."""
