"""The true posterior, the evidence and its bounds; estimators of the gradient."""
