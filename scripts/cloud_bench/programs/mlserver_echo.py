"""MLServer with an echo model; the folder's settings.json and model-settings.json name it."""

from __future__ import annotations

from mlserver import MLModel
from mlserver.types import InferenceRequest, InferenceResponse, ResponseOutput


class Echo(MLModel):  # type: ignore[misc]  # mlserver is not typed here
    """Gives back what it gets."""

    async def load(self) -> bool:
        """Nothing to load."""
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """One request."""
        given = payload.inputs[0]
        output = ResponseOutput(
            name="y", shape=given.shape, datatype=given.datatype, data=given.data
        )
        return InferenceResponse(model_name=self.name, id=payload.id, outputs=[output])
