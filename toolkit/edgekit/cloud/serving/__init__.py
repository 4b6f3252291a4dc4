"""Code that runs in the tool environment ``cloud``: the model server and the client."""
