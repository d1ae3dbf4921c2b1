"""What a paper's page is made of, what is made of its stored bytes, and the evidence pack."""
