"""Analysis of trained models: evaluation, ELBO surgery, aggregate posterior, buffer zones, forces, linear VAEs."""
