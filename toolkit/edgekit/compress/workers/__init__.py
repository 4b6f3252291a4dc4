"""What runs inside the tool environment ``compress``: torch, torch-pruning, Optuna."""
