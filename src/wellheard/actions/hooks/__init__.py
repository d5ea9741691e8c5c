"""How other systems prove their calls: one file a scheme."""
