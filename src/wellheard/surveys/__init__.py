"""Our own questionnaires: question types, cadence, delivery and collection."""
