"""How the model of customers' texts is made and judged. Nothing here is needed to run Wellheard."""
