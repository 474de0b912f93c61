"""Networks that stages share: weights in, plain torch modules out, each with its own reader of the weights."""
