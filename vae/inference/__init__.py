"""True posterior, evidence and its bounds, and estimators of the gradient."""
