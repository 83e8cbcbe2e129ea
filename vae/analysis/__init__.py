"""What a trained model has learned: evaluation, surgery of the rate, aggregate posterior, buffer zones, forces."""
