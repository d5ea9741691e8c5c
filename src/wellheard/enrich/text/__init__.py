"""What is read out of customers' texts: language, sentiment, emotions, strength, topics."""
