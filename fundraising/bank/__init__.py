"""The bank's side of the books: statements read, lines kept once, and what each line was matched with."""
