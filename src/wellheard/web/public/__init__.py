"""What the public reaches: the pages and addresses by which surveys are answered, and nothing else of the product.

It is an application of its own, on a port of its own: a proxy or firewall can open that port alone, its limits are
narrow, and nobody who answers stands at the door of the figures.
"""
